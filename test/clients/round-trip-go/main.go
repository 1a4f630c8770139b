// All that discordgo can do of what the platform has, by its own methods; then its state is compared with REST.
//
// What the variables are is in round-trip-place.ts. Prints "invoke ID NAME" when its command may be used, and "round trip
// done" at the end, or what failed or differs.
package main

import (
	"errors"
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
	ready := make(chan bool, 2)
	marked := make(chan bool, 1)
	bot.AddHandler(answer)
	bot.AddHandler(func(_ *discordgo.Session, _ *discordgo.GuildCreate) { ready <- true })
	bot.AddHandler(func(_ *discordgo.Session, message *discordgo.MessageCreate) {
		if message.Content == "marker" {
			marked <- true
		}
	})
	check(bot.Open())
	defer bot.Close()
	// Two guilds.
	<-ready
	<-ready

	guild, target := os.Getenv("GUILD"), os.Getenv("TARGET")
	text := moderate(bot, guild, target, os.Getenv("VICTIM"))
	talk(bot, guild, text, target)
	announce(bot, guild, text)
	command(bot, guild)
	fetch(bot, guild, text, target)
	admit(bot, guild)
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

// announce posts news, posts in a forum, and has threads and reactions come and go.
func announce(bot *discordgo.Session, guild, text string) {
	news := must(bot.GuildChannelCreate(guild, "news", discordgo.ChannelTypeGuildNews))
	headline := must(bot.ChannelMessageSend(news.ID, "news"))
	must(bot.ChannelMessageCrosspost(news.ID, headline.ID))
	must(bot.ChannelNewsFollow(news.ID, text))
	forum := must(bot.GuildChannelCreate(guild, "forum", discordgo.ChannelTypeGuildForum))
	post := must(bot.ForumThreadStart(forum.ID, "post", 60, "body"))
	check(bot.ThreadLeave(post.ID))
	check(bot.ThreadJoin(post.ID))
	same("member", must(bot.ThreadMember(post.ID, bot.State.User.ID, true)).Member.User.ID, bot.State.User.ID)
	same("members", len(must(bot.ThreadMembers(post.ID, 100, false, ""))), 1)

	archived := true
	public := must(bot.ThreadStart(text, "public", discordgo.ChannelTypeGuildPublicThread, 60))
	private := must(bot.ThreadStart(text, "private", discordgo.ChannelTypeGuildPrivateThread, 60))
	for _, thread := range []*discordgo.Channel{public, private} {
		must(bot.ChannelEdit(thread.ID, &discordgo.ChannelEdit{Archived: &archived}))
	}
	same("public", must(bot.ThreadsArchived(text, nil, 10)).Threads[0].ID, public.ID)
	same("private", must(bot.ThreadsPrivateArchived(text, nil, 10)).Threads[0].ID, private.ID)
	same("joined", must(bot.ThreadsPrivateJoinedArchived(text, nil, 10)).Threads[0].ID, private.ID)

	message := must(bot.ChannelMessageSend(text, "react"))
	for _, emoji := range []string{"👍", "🔥"} {
		check(bot.MessageReactionAdd(text, message.ID, emoji))
	}
	check(bot.MessageReactionRemove(text, message.ID, "👍", os.Getenv("TARGET")))
	check(bot.MessageReactionsRemoveEmoji(text, message.ID, "👍"))
	check(bot.MessageReactionsRemoveAll(text, message.ID))
}

var answered = make(chan bool, 1)

// answer does with an interaction all that can be done.
func answer(bot *discordgo.Session, event *discordgo.InteractionCreate) {
	asked := event.Interaction
	check(bot.InteractionRespond(asked, &discordgo.InteractionResponse{
		Type: discordgo.InteractionResponseChannelMessageWithSource,
		Data: &discordgo.InteractionResponseData{Content: "pong"},
	}))
	edited := "edited"
	must(bot.InteractionResponseEdit(asked, &discordgo.WebhookEdit{Content: &edited}))
	same("response", must(bot.InteractionResponse(asked)).Content, edited)
	more := must(bot.FollowupMessageCreate(asked, true, &discordgo.WebhookParams{Content: "more"}))
	must(bot.FollowupMessageEdit(asked, more.ID, &discordgo.WebhookEdit{Content: &edited}))
	check(bot.FollowupMessageDelete(asked, more.ID))
	check(bot.InteractionResponseDelete(asked))
	answered <- true
}

// command registers commands, has one used, and forbids it to somebody.
func command(bot *discordgo.Session, guild string) {
	app := bot.State.Application.ID
	ping := &discordgo.ApplicationCommand{Name: "ping", Description: "Says pong"}
	var made *discordgo.ApplicationCommand
	for _, where := range []string{"", guild} {
		check(bot.ApplicationCommandDelete(app, where, must(bot.ApplicationCommandCreate(app, where, ping)).ID))
		made = must(bot.ApplicationCommandBulkOverwrite(app, where, []*discordgo.ApplicationCommand{ping}))[0]
		must(bot.ApplicationCommandEdit(app, where, made.ID, &discordgo.ApplicationCommand{Name: "ping", Description: "Changed"}))
		same("command", must(bot.ApplicationCommand(app, where, made.ID)).Description, "Changed")
		same("commands", len(must(bot.ApplicationCommands(app, where))), 1)
	}
	fmt.Println("invoke", made.ID, made.Name)
	<-answered
	owner := bearer("OWNERS_TOKEN")
	rules := []*discordgo.ApplicationCommandPermissions{{ID: os.Getenv("TARGET"), Type: discordgo.ApplicationCommandPermissionTypeUser}}
	check(owner.ApplicationCommandPermissionsEdit(app, guild, made.ID, &discordgo.ApplicationCommandPermissionsList{Permissions: rules}))
	same("rules", len(must(bot.ApplicationCommandPermissions(app, guild, made.ID)).Permissions), 1)
	same("all rules", len(must(bot.GuildApplicationCommandsPermissions(app, guild))), 1)
	same("guilds of the owner", len(must(owner.UserGuilds(100, "", "", false))), 2)
	same("member of themselves", must(owner.UserGuildMember(guild)).User.ID, must(owner.User("@me")).ID)
}

func bearer(variable string) *discordgo.Session {
	return must(discordgo.New("Bearer " + os.Getenv(variable)))
}

// fetch asks for what it has in its state.
func fetch(bot *discordgo.Session, guild, text, target string) {
	same("gateway", must(bot.Gateway()), must(bot.GatewayBot()).URL)
	same("application", must(bot.Application("@me")).ID, bot.State.Application.ID)
	same("itself", must(bot.User("@me")).ID, bot.State.User.ID)
	same("user", must(bot.User(target)).ID, target)
	same("member", must(bot.GuildMember(guild, target)).Nick, "Nick")
	same("channel", must(bot.Channel(text)).Name, "edited")
	message := must(bot.ChannelMessageSend(text, "read me"))
	same("message", must(bot.ChannelMessage(text, message.ID)).Content, "read me")
	same("guilds", len(must(bot.UserGuilds(100, "", "", false))), 2)
	invite := must(bot.ChannelInviteCreate(text, discordgo.Invite{}))
	same("invite", must(bot.Invite(invite.Code)).Code, invite.Code)
	same("invites", len(must(bot.ChannelInvites(text))), 1)
	webhook := must(bot.WebhookCreate(text, "Hook", ""))
	must(bot.WebhookEdit(webhook.ID, "By its maker", "", text))
	must(bot.WebhookEditWithToken(webhook.ID, webhook.Token, "By its token", ""))
	same("webhook", must(bot.Webhook(webhook.ID)).Token, must(bot.WebhookWithToken(webhook.ID, webhook.Token)).Token)
	// With the one that follows.
	same("guild's webhooks", len(must(bot.GuildWebhooks(guild))), 2)
	if _, err := bot.WebhookDeleteWithToken(webhook.ID, webhook.Token); !errors.Is(err, discordgo.ErrJSONUnmarshal) {
		// It looks for a webhook in the answer, which has no body.
		check(err)
	}
}

// admit makes somebody a member, sorts roles and channels, and leaves a guild.
func admit(bot *discordgo.Session, guild string) {
	guest := os.Getenv("GUEST")
	same("roles", len(must(bot.GuildRoles(guild))) > 2, true)
	check(bot.GuildMemberAdd(guild, guest, &discordgo.GuildMemberAddParams{AccessToken: os.Getenv("GUESTS_TOKEN")}))
	given := must(bot.GuildRoleCreate(guild, &discordgo.RoleParams{Name: "Given"}))
	check(bot.GuildMemberRoleAdd(guild, guest, given.ID))
	check(bot.GuildMemberRoleRemove(guild, guest, given.ID))
	must(bot.GuildRoleReorder(guild, []*discordgo.Role{{ID: given.ID, Position: 1}}))
	must(bot.GuildMemberEdit(guild, "@me", &discordgo.GuildMemberParams{Nick: "Edited"}))
	check(bot.GuildMemberDelete(guild, guest))
	same("bans", len(must(bot.GuildBans(guild, 10, "", ""))), 0)
	channels := must(bot.GuildChannels(guild))
	check(bot.GuildChannelsReorder(guild, channels[:2]))
	must(bot.UserUpdate("Renamed bot", "", ""))
	check(bot.GuildLeave(os.Getenv("OTHER_GUILD")))
}

func compare(bot *discordgo.Session, id, text string) {
	cached, told := must(bot.State.Guild(id)), must(bot.Guild(id))
	same("guild", []any{cached.Name, cached.Description, cached.OwnerID, cached.AfkTimeout},
		[]any{told.Name, told.Description, told.OwnerID, told.AfkTimeout})
	same("roles", lines(cached.Roles, showRole), lines(told.Roles, showRole))
	same("channels", lines(cached.Channels, showChannel), lines(must(bot.GuildChannels(id)), showChannel))
	same("threads", lines(active(cached.Threads), showThread), lines(must(bot.GuildThreadsActive(id)).Threads, showThread))
	same("members", lines(cached.Members, showMember), lines(must(bot.GuildMembers(id, "", 100)), showMember))
	channel := must(bot.State.Channel(text))
	same("messages", lines(channel.Messages, showMessage), lines(must(bot.ChannelMessages(text, 100, "", "", "")), showMessage))
}

// active leaves out archived threads, which discordgo keeps.
func active(threads []*discordgo.Channel) []*discordgo.Channel {
	var left []*discordgo.Channel
	for _, thread := range threads {
		if !thread.ThreadMetadata.Archived {
			left = append(left, thread)
		}
	}
	return left
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
