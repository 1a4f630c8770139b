// Posts into channels, reacts and deletes, all as fast as discordgo's own limiter lets it: GUILDHALL_URL, BOT_TOKEN, the
// number of messages and the channels' ids as arguments.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"

	"github.com/bwmarrin/discordgo"
)

func main() {
	pointAt(os.Getenv("GUILDHALL_URL"))

	bot, err := discordgo.New("Bot " + os.Getenv("BOT_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	bot.AddHandler(func(_ *discordgo.Session, limit *discordgo.RateLimit) {
		fmt.Printf("refused: %s\n", limit.URL)
	})
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var posting sync.WaitGroup
	for _, channel := range os.Args[2:] {
		for i := 0; i < count; i++ {
			posting.Add(1)
			go func(channel string, i int) {
				defer posting.Done()
				message, err := bot.ChannelMessageSend(channel, fmt.Sprintf("discordgo %d", i))
				if err != nil {
					log.Fatal(err)
				}
				if err := bot.MessageReactionAdd(channel, message.ID, "👍"); err != nil {
					log.Fatal(err)
				}
				if i%2 == 0 {
					if err := bot.ChannelMessageDelete(channel, message.ID); err != nil {
						log.Fatal(err)
					}
				}
			}(channel, i)
		}
	}
	posting.Wait()
	fmt.Println("done")
}
