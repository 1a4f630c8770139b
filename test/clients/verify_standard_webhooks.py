"""Verifies deliveries with Standard Webhooks' own library: JSON lines of secret, headers and body in, true or false out."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    given = json.loads(line)
    try:
        Webhook(given["secret"]).verify(given["body"], given["headers"])
        print("true")
    except WebhookVerificationError:
        print("false")
