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
