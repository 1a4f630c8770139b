// A discordgo bot that answers !ping with pong. Only the base URL differs from a bot at Discord.
//
//	cd examples/discordgo-bot && GUILDHALL_URL=http://localhost:3000 BOT_TOKEN=… go run .
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/bwmarrin/discordgo"
)

func main() {
	url := os.Getenv("GUILDHALL_URL")
	if url == "" {
		url = "http://localhost:3000"
	}
	pointAt(url)

	bot, err := discordgo.New("Bot " + os.Getenv("BOT_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	bot.Identify.Intents = discordgo.IntentGuilds | discordgo.IntentGuildMessages | discordgo.IntentMessageContent

	bot.AddHandler(func(s *discordgo.Session, guild *discordgo.GuildCreate) {
		fmt.Printf("ready as %s in %s\n", s.State.User.Username, guild.Name)
	})
	bot.AddHandler(func(s *discordgo.Session, message *discordgo.MessageCreate) {
		if message.Content != "!ping" {
			return
		}
		if _, err := s.ChannelMessageSendReply(message.ChannelID, "pong", message.Reference()); err != nil {
			log.Print(err)
		}
	})

	if err := bot.Open(); err != nil {
		log.Fatal(err)
	}
	defer bot.Close()

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	<-interrupted
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
