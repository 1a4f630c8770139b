// Verifies deliveries with Standard Webhooks' own library: JSON lines of secret, headers and body in, true or false out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type delivery struct {
	Secret  string
	Headers map[string]string
	Body    string
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Println(verifies(lines.Bytes()))
	}
}

func verifies(line []byte) bool {
	var given delivery
	if err := json.Unmarshal(line, &given); err != nil {
		panic(err)
	}
	webhook, err := standardwebhooks.NewWebhook(given.Secret)
	if err != nil {
		panic(err)
	}
	headers := http.Header{}
	for name, value := range given.Headers {
		headers.Set(name, value)
	}
	return webhook.Verify([]byte(given.Body), headers) == nil
}
