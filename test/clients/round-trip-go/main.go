// All that discordgo can do of what the platform has, by its own methods; then its state is compared with REST.
//
//	GUILDHALL_URL=… BOT_TOKEN=… GUILD=… TARGET=… VICTIM=… go run .
//
// Prints "round trip done", or what failed or differs.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"
)

var differences []string

func same(what string, cached, told any) {
	if fmt.Sprint(cached) != fmt.Sprint(told) {
		differences = append(differences, fmt.Sprintf("%s: cached %v, REST %v", what, cached, told))
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		panic(err)
	}
}

func main() {
	pointAt(os.Getenv("GUILDHALL_URL"))
	bot := must(discordgo.New("Bot " + os.Getenv("BOT_TOKEN")))
	bot.Identify.Intents = discordgo.IntentsAll
	bot.StateEnabled = true
	bot.State.MaxMessageCount = 100
	ready := make(chan bool, 1)
	marked := make(chan bool, 1)
	bot.AddHandler(func(_ *discordgo.Session, _ *discordgo.GuildCreate) { ready <- true })
	bot.AddHandler(func(_ *discordgo.Session, message *discordgo.MessageCreate) {
		if message.Content == "marker" {
			marked <- true
		}
	})
	check(bot.Open())
	defer bot.Close()
	<-ready

	guild, target := os.Getenv("GUILD"), os.Getenv("TARGET")
	text := moderate(bot, guild, target, os.Getenv("VICTIM"))
	talk(bot, guild, text, target)
	must(bot.ChannelMessageSend(text, "marker"))
	<-marked
	time.Sleep(200 * time.Millisecond)
	compare(bot, guild, text)
	if len(differences) > 0 {
		fmt.Println(strings.Join(differences, "; "))
		return
	}
	fmt.Println("round trip done")
}

// moderate makes roles, channels of each kind, overwrites, bans and invites. It returns a text channel.
func moderate(bot *discordgo.Session, guild, target, victim string) string {
	reason := discordgo.WithAuditLogReason("a reason")
	must(bot.GuildEdit(guild, &discordgo.GuildParams{Name: "Renamed", Description: "Described", AfkTimeout: 900}, reason))
	color, yes, permissions := 0x3498db, true, int64(discordgo.PermissionBanMembers)
	role := must(bot.GuildRoleCreate(guild, &discordgo.RoleParams{Name: "Role", Color: &color, Hoist: &yes}))
	must(bot.GuildRoleEdit(guild, role.ID, &discordgo.RoleParams{Name: "Edited", Permissions: &permissions}))
	short := must(bot.GuildRoleCreate(guild, &discordgo.RoleParams{Name: "Short"}))
	check(bot.GuildRoleDelete(guild, short.ID))
	check(bot.GuildMemberRoleAdd(guild, target, role.ID))
	check(bot.GuildMemberNickname(guild, target, "Nick"))
	check(bot.GuildMemberNickname(guild, "@me", "Robot"))
	until := time.Now().Add(time.Minute)
	check(bot.GuildMemberTimeout(guild, target, &until))

	category := must(bot.GuildChannelCreate(guild, "category", discordgo.ChannelTypeGuildCategory))
	kinds := []discordgo.ChannelType{discordgo.ChannelTypeGuildVoice, discordgo.ChannelTypeGuildNews,
		discordgo.ChannelTypeGuildStageVoice, discordgo.ChannelTypeGuildForum}
	for _, kind := range kinds {
		must(bot.GuildChannelCreateComplex(guild, discordgo.GuildChannelCreateData{Name: "kind", Type: kind, ParentID: category.ID}))
	}
	text := must(bot.GuildChannelCreateComplex(guild, discordgo.GuildChannelCreateData{Name: "text", Topic: "topic", ParentID: category.ID}))
	must(bot.ChannelEdit(text.ID, &discordgo.ChannelEdit{Name: "edited", Topic: "another"}))
	check(bot.ChannelPermissionSet(text.ID, target, discordgo.PermissionOverwriteTypeMember, discordgo.PermissionViewChannel, 0))
	check(bot.ChannelPermissionSet(text.ID, guild, discordgo.PermissionOverwriteTypeRole, 0, discordgo.PermissionSendMessages))
	check(bot.ChannelPermissionDelete(text.ID, guild))
	gone := must(bot.GuildChannelCreate(guild, "short", discordgo.ChannelTypeGuildText))
	must(bot.ChannelDelete(gone.ID))

	check(bot.GuildBanCreateWithReason(guild, victim, "spam", 1))
	same("ban", must(bot.GuildBan(guild, victim)).Reason, "spam")
	check(bot.GuildBanDelete(guild, victim))
	log := must(bot.GuildAuditLog(guild, "", "", 0, 1))
	same("audit log", *log.AuditLogEntries[0].ActionType, discordgo.AuditLogActionMemberBanRemove)
	invite := must(bot.ChannelInviteCreate(text.ID, discordgo.Invite{MaxAge: 60, MaxUses: 1}))
	same("invites", len(must(bot.GuildInvites(guild))) > 0, true)
	must(bot.InviteDelete(invite.Code))
	return text.ID
}

// talk sends, edits and deletes messages, reacts, pins, and uses webhooks and threads.
func talk(bot *discordgo.Session, guild, text, target string) {
	check(bot.ChannelTyping(text))
	first := must(bot.ChannelMessageSendComplex(text, &discordgo.MessageSend{
		Content: "hello <@" + target + ">",
		Embeds:  []*discordgo.MessageEmbed{{Title: "T", Color: 1}},
		Files:   []*discordgo.File{{Name: "a.txt", Reader: strings.NewReader("text")}},
	}))
	must(bot.ChannelMessageSendReply(text, "reply", first.Reference()))
	must(bot.ChannelMessageSendComplex(text, &discordgo.MessageSend{Reference: first.Forward()}))
	must(bot.ChannelMessageEdit(text, first.ID, "edited"))
	check(bot.MessageReactionAdd(text, first.ID, "👍"))
	same("reacted", must(bot.MessageReactions(text, first.ID, "👍", 10, "", ""))[0].ID, bot.State.User.ID)
	check(bot.MessageReactionRemove(text, first.ID, "👍", "@me"))
	check(bot.ChannelMessagePin(text, first.ID))
	same("pins", must(bot.ChannelMessagesPinned(text))[0].ID, first.ID)
	check(bot.ChannelMessageUnpin(text, first.ID))
	one, two := must(bot.ChannelMessageSend(text, "1")), must(bot.ChannelMessageSend(text, "2"))
	check(bot.ChannelMessagesBulkDelete(text, []string{one.ID, two.ID}))
	three := must(bot.ChannelMessageSend(text, "3"))
	check(bot.ChannelMessageDelete(text, three.ID))

	webhook := must(bot.WebhookCreate(text, "Hook", ""))
	posted := must(bot.WebhookExecute(webhook.ID, webhook.Token, true, &discordgo.WebhookParams{Content: "posted", Username: "Name"}))
	changed := "changed"
	must(bot.WebhookMessageEdit(webhook.ID, webhook.Token, posted.ID, &discordgo.WebhookEdit{Content: &changed}))
	same("webhook's message", must(bot.WebhookMessage(webhook.ID, webhook.Token, posted.ID)).Content, "changed")
	check(bot.WebhookMessageDelete(webhook.ID, webhook.Token, posted.ID))
	same("webhooks", len(must(bot.ChannelWebhooks(text))), 1)
	check(bot.WebhookDelete(webhook.ID))

	thread := must(bot.ThreadStart(text, "thread", discordgo.ChannelTypeGuildPublicThread, 60))
	check(bot.ThreadMemberAdd(thread.ID, target))
	must(bot.ChannelMessageSend(thread.ID, "in it"))
	locked := true
	must(bot.ChannelEdit(thread.ID, &discordgo.ChannelEdit{Name: "named", Locked: &locked}))
	check(bot.ThreadMemberRemove(thread.ID, target))
	must(bot.MessageThreadStart(text, first.ID, "of a message", 60))
	private := must(bot.UserChannelCreate(target))
	must(bot.ChannelMessageSend(private.ID, "in private"))
}

func compare(bot *discordgo.Session, id, text string) {
	cached, told := must(bot.State.Guild(id)), must(bot.Guild(id))
	same("guild", []any{cached.Name, cached.Description, cached.OwnerID, cached.AfkTimeout},
		[]any{told.Name, told.Description, told.OwnerID, told.AfkTimeout})
	same("roles", lines(cached.Roles, showRole), lines(told.Roles, showRole))
	same("channels", lines(cached.Channels, showChannel), lines(must(bot.GuildChannels(id)), showChannel))
	same("threads", lines(cached.Threads, showThread), lines(must(bot.GuildThreadsActive(id)).Threads, showThread))
	same("members", lines(cached.Members, showMember), lines(must(bot.GuildMembers(id, "", 100)), showMember))
	channel := must(bot.State.Channel(text))
	same("messages", lines(channel.Messages, showMessage), lines(must(bot.ChannelMessages(text, 100, "", "", "")), showMessage))
}

func showRole(r *discordgo.Role) string {
	return fmt.Sprint(r.ID, r.Name, r.Color, r.Hoist, r.Mentionable, r.Permissions, r.Position)
}

func showChannel(c *discordgo.Channel) string {
	overwrites := lines(c.PermissionOverwrites, func(o *discordgo.PermissionOverwrite) string {
		return fmt.Sprint(o.ID, o.Type, o.Allow, o.Deny)
	})
	return fmt.Sprint(c.ID, c.Type, c.Name, c.Topic, c.ParentID, c.Position, overwrites)
}

func showThread(c *discordgo.Channel) string {
	return fmt.Sprint(c.ID, c.Type, c.Name, c.ParentID, c.OwnerID, c.ThreadMetadata.Locked, c.ThreadMetadata.Archived)
}

func showMember(m *discordgo.Member) string {
	sort.Strings(m.Roles)
	return fmt.Sprint(m.User.ID, m.User.Username, m.Nick, m.Roles)
}

func showMessage(m *discordgo.Message) string {
	return fmt.Sprint(m.ID, m.Content, m.Type, m.Pinned, m.Author.ID, len(m.Embeds), len(m.Attachments))
}

func lines[T any](list []T, show func(T) string) []string {
	all := make([]string, 0, len(list))
	for _, one := range list {
		all = append(all, show(one))
	}
	sort.Strings(all)
	return all
}

// pointAt makes discordgo talk to another server. Its endpoints are variables that are filled from each other once,
// when the program starts, so each one has to be set anew; the endpoints that are functions are made from these.
func pointAt(url string) {
	discordgo.EndpointDiscord = url + "/"
	discordgo.EndpointAPI = discordgo.EndpointDiscord + "api/v" + discordgo.APIVersion + "/"
	discordgo.EndpointGuilds = discordgo.EndpointAPI + "guilds/"
	discordgo.EndpointChannels = discordgo.EndpointAPI + "channels/"
	discordgo.EndpointUsers = discordgo.EndpointAPI + "users/"
	discordgo.EndpointGateway = discordgo.EndpointAPI + "gateway"
	discordgo.EndpointGatewayBot = discordgo.EndpointGateway + "/bot"
	discordgo.EndpointWebhooks = discordgo.EndpointAPI + "webhooks/"
	discordgo.EndpointStickers = discordgo.EndpointAPI + "stickers/"
	discordgo.EndpointStageInstances = discordgo.EndpointAPI + "stage-instances"
	discordgo.EndpointSKUs = discordgo.EndpointAPI + "skus"
	discordgo.EndpointVoice = discordgo.EndpointAPI + "voice/"
	discordgo.EndpointVoiceRegions = discordgo.EndpointVoice + "regions"
	discordgo.EndpointNitroStickersPacks = discordgo.EndpointAPI + "sticker-packs"
	discordgo.EndpointGuildCreate = discordgo.EndpointAPI + "guilds"
	discordgo.EndpointApplications = discordgo.EndpointAPI + "applications"
	discordgo.EndpointOAuth2 = discordgo.EndpointAPI + "oauth2/"
	discordgo.EndpointOAuth2Applications = discordgo.EndpointOAuth2 + "applications"
}
