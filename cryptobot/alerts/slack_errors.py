"""What Slack answers when it takes no message, in words that say what to do."""

from __future__ import annotations

from typing import Final

from cryptobot.alerts.clean import safe
from cryptobot.alerts.errors import Again, AlertError

_NEW_BOT: Final = (
    "Make a new one on api.slack.com/apps (OAuth & Permissions, Bot User OAuth Token) and set SLACK_BOT_TOKEN."
)
_NEW_HOOK: Final = "Make a new one on api.slack.com/apps (Incoming Webhooks) and set SLACK_WEBHOOK_URL."
_KNOWN: Final[dict[str, tuple[str, Again]]] = {
    "invalid_auth": (f"The token is not valid. {_NEW_BOT}", "later"),
    "not_authed": (f"The token is not valid. {_NEW_BOT}", "later"),
    "token_revoked": (f"The token was revoked. {_NEW_BOT}", "later"),
    "token_expired": (f"The token has expired. {_NEW_BOT}", "later"),
    "account_inactive": (f"The token's workspace or user is gone. {_NEW_BOT}", "later"),
    "not_allowed_token_type": (f"The token is of another kind: a bot's begins with xoxb-. {_NEW_BOT}", "later"),
    "channel_not_found": (
        "The channel is not there, or closed to the bot. Check SLACK_CHANNEL, and invite the bot: /invite @its-name.",
        "later",
    ),
    "not_in_channel": ("The bot is not in the channel. Invite it there: /invite @its-name.", "later"),
    "is_archived": ("The channel is archived. Unarchive it, or set another.", "later"),
    "channel_is_archived": ("The channel is archived. Unarchive it, or set another.", "later"),
    "restricted_action": ("The workspace forbids the bot to post there. Ask its administrator.", "later"),
    "action_prohibited": ("The workspace forbids to post there. Ask its administrator.", "later"),
    "posting_to_general_channel_denied": ("The workspace forbids to post in #general. Set another channel.", "later"),
    "no_service": (f"The webhook was removed or turned off. {_NEW_HOOK}", "later"),
    "no_service_id": (f"The webhook's address is not whole. {_NEW_HOOK}", "later"),
    "no_team": (f"The webhook's workspace is not there. {_NEW_HOOK}", "later"),
    "team_disabled": ("The workspace is turned off. Ask its administrator.", "later"),
    "invalid_token": (f"The webhook's address is not valid. {_NEW_HOOK}", "later"),
    "user_not_found": (f"Who made the webhook is gone. {_NEW_HOOK}", "later"),
    "invalid_blocks": ("Slack refused the message's layout.", "never"),
    "invalid_payload": ("Slack could not read the message.", "never"),
    "msg_too_long": ("The message is too long for Slack.", "never"),
    "no_text": ("Slack saw no text in the message.", "never"),
    "invalid_thread_ts": ("The message to answer is gone.", "never"),
    "thread_not_found": ("The message to answer is gone.", "never"),
    "cannot_reply_to_message": ("The message to answer takes no answers.", "never"),
}
_NO_JSON: Final = "Received a response in a non-JSON format: "  # so slack_sdk puts it
THREAD_GONE: Final = frozenset({"invalid_thread_ts", "thread_not_found", "cannot_reply_to_message"})
_PASSING: Final = frozenset(
    {"ratelimited", "rate_limited", "rollup_error", "service_unavailable", "internal_error", "fatal_error"}
)


class SlackError(AlertError):
    """Slack answered, and took no message.

    Attributes
    ----------
    code
        Slack's own word for why; ``""`` where it said none.
    """

    code: str = ""


def refused(status: int, code: object, secrets: list[str], *, wait: float, scope: object = None) -> SlackError:
    """Return what a refusal means.

    Parameters
    ----------
    status
        The HTTP status.
    code
        Slack's word for why, or whatever stood in its place.
    secrets
        What must not be shown.
    wait
        How long to wait where too many messages were sent, in seconds.
    scope
        The right that is missing, where Slack named one.
    """
    said = safe(str(code).removeprefix(_NO_JSON), secrets, 160)
    made = _judge(status, said, wait, safe(scope or "chat:write", secrets, 60))
    made.code = said if status == 200 or said in _KNOWN else ""
    return made


def _judge(status: int, said: str, wait: float, scope: str) -> SlackError:
    if status == 429 or said in ("ratelimited", "rate_limited"):
        return SlackError("Slack gets too many messages.", retry_after=wait)
    if said == "missing_scope":
        return SlackError(
            f"The bot lacks the right {scope}. Add it on api.slack.com/apps (OAuth & Permissions, Scopes), install the "
            "app again, and set the new SLACK_BOT_TOKEN.",
            again="later",
        )
    if said in _KNOWN:
        text, again = _KNOWN[said]
        return SlackError(f"{text} (Slack said: {said}.)", again=again)
    if status >= 500 or said in _PASSING:
        return SlackError(f"Slack has trouble of its own ({status}: {said}).", maybe_told=True)
    if "<" in said:
        return SlackError(
            f"A web page answered instead of Slack ({status}): {said}. See whether a proxy or a network's sign-in page "
            "stands between, and check the address.",
            maybe_told=status == 200,
        )
    if status == 400:
        return SlackError(f"Slack refused the message: {said}.", again="never")
    return SlackError(
        f"Slack refused ({status}): {said or 'nothing was said'}. Check the address or token.", again="later"
    )
