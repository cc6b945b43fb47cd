"""The exception tree of Melanzana, drawn once.

Every error that a user can cause or must understand is one of these. `code` is stable and documented in
`docs/reference/errors.md`; the message says what is wrong and how to mend it; `detail` carries what a machine wants to read
(a field, a position, a state). Rooms raise; only `server/problems.py` knows which HTTP answer each becomes and only `cli/`
knows which exit code.

    MelanzanaError
    ├── ModelError                     the model or another uploaded document is wrong
    │   ├── FormatError                it cannot be read: file, line, column, suggestion
    │   ├── LimitError                 it is larger than the documented limits
    │   └── InvalidModelError          it can be read but breaks a rule (carries findings)
    ├── ExpressionError                a guard or assignment cannot be compiled (carries a position)
    ├── EvaluationError                a guard or assignment failed on the data at hand
    ├── GenerationError                no path can be made
    │   ├── PathExpressionError        the path expression is wrong (carries a position)
    │   │   └── ImpossibleGoalError    its stop condition can never be met (carries the elements that block it)
    │   └── ImpossibleStepError        a directed test names a step that cannot follow
    ├── SuiteError                     action code cannot be found, is ambiguous or cannot be loaded
    ├── RequestError                   the caller's request is wrong
    │   ├── MalformedError             a call of an older dialect cannot be read or lacks a field
    │   ├── NotFoundError              the thing named does not exist (or is not the caller's)
    │   ├── GoneError                  the thing named was there, and was removed when its time was over
    │   ├── ConflictError              the request contradicts the state of the thing
    │   │   ├── StaleEditError         somebody else changed it since it was read
    │   │   ├── StaleAttemptError      an agent writes for an attempt that is no longer its own
    │   │   ├── SessionReplacedError   another process registered under the same agent identity
    │   │   └── KeyReusedError         an Idempotency-Key came back with another request
    │   ├── ConditionMissingError      a change must say which state it was made from
    │   ├── JsonBodyError              a body is no JSON, or JSON that can be read in two ways
    │   ├── MediaTypeError             a body is of a kind that this address does not take
    │   └── TooLargeError              a body is over its limit
    ├── AuthError                      who is calling, or may they?
    │   ├── InvalidTokenError          no valid access token
    │   ├── InsufficientScopeError     a valid token that does not allow this
    │   ├── LoginNeededError           a page that needs a login
    │   ├── LoginRefusedError          wrong name or password, or too many attempts; never says which
    │   ├── ForgedRequestError         a form that none of our pages sent for this session
    │   └── OAuthError                 an error answer of the token endpoint (RFC 6749 section 5.2)
    ├── UnavailableError               a part that is needed does not answer now; safe to try again
    │   └── SutTakenError              another server locked the system under test in the same moment
    ├── BusyError                      the caller asks for too much at once; safe to try again later
    │   ├── RateLimitedError           too many starts of one client in a minute
    │   ├── TooManyHeldError           too many polls and streams of one client at once
    │   └── QueueFullError             too many executions of the realm are queued
    └── SettingsError                  a setting is wrong or two contradict each other
"""

from collections.abc import Sequence
from typing import Any, ClassVar


class MelanzanaError(Exception):
    """Something went wrong that has a name."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail: dict[str, Any] = {name: value for name, value in detail.items() if value is not None}


class ModelError(MelanzanaError):
    """The document is wrong."""

    code = "model_error"


class FormatError(ModelError):
    """The document cannot be read.

    `detail` may hold `file`, `line` and `column` (both from 1), `path` (a JSON pointer) and `suggestion`.
    """

    code = "model_format"


class LimitError(ModelError):
    """The document is larger than a documented limit; `detail` holds `limit` (its name) and `maximum`."""

    code = "model_limit"


class InvalidModelError(ModelError):
    """The model breaks at least one rule; `findings` holds every rule broken, in document order."""

    code = "model_invalid"

    def __init__(self, message: str, findings: Sequence[Any] = (), **detail: Any) -> None:
        super().__init__(message, **detail)
        self.findings = tuple(findings)


class ExpressionError(MelanzanaError):
    """An expression cannot be compiled; `detail["position"]` counts characters from 0."""

    code = "expression_invalid"


class EvaluationError(MelanzanaError):
    """An expression failed on the data at hand (division by zero, overflow, a missing field)."""

    code = "expression_evaluation"


class GenerationError(MelanzanaError):
    """No path can be made."""

    code = "generation_error"


class PathExpressionError(GenerationError):
    """The path expression is wrong; `detail["position"]` counts characters from 0."""

    code = "path_expression_invalid"


class ImpossibleGoalError(PathExpressionError):
    """The stop condition can never be met on this model; `detail["elements"]` lists what blocks it, as maps."""

    code = "goal_impossible"


class ImpossibleStepError(GenerationError):
    """A directed test names a step that cannot follow; `detail["step"]` counts from 1."""

    code = "step_impossible"


class SuiteError(MelanzanaError):
    """Action code cannot be found, is ambiguous, or cannot be loaded."""

    code = "suite_error"


class RequestError(MelanzanaError):
    """The request is wrong; `detail["field"]` names the field, the message says the fix."""

    code = "request_invalid"


class MalformedError(RequestError):
    """The body cannot be read or lacks a field that the call needs, where the original's older interface says 400."""

    code = "request_malformed"


class NotFoundError(RequestError):
    """The thing named does not exist."""

    code = "not_found"


class GoneError(RequestError):
    """What is asked for was kept for as long as the settings say, and is removed."""

    code = "gone"


class ConflictError(RequestError):
    """The request contradicts the state of the thing; `detail["state"]` tells it."""

    code = "conflict"


class StaleEditError(ConflictError):
    """Somebody else changed the thing since it was read; `detail` holds `changed_by`, `changed_at` and its `etag` by now."""

    code = "edit_conflict"


class ConditionMissingError(RequestError):
    """The change must name the state that it was made from, by If-Match."""

    code = "condition_missing"


class StaleAttemptError(ConflictError):
    """This attempt is no longer the current one: stop, and write nothing more for it."""

    code = "stale_attempt"


class SessionReplacedError(ConflictError):
    """Another process registered under this agent's identity: stop."""

    code = "session_replaced"


class AgentDrainedError(ConflictError):
    """The agent's process was asked to end with its last run: it gets no more work."""

    code = "agent_drained"


class KeyReusedError(ConflictError):
    """The Idempotency-Key was used before with another request."""

    code = "key_reused"


class JsonBodyError(RequestError):
    """The body is no JSON, or JSON that two readers could understand in two ways."""

    code = "json_invalid"


class MediaTypeError(RequestError):
    """The body is of a kind that this address does not take."""

    code = "media_type"


class TooLargeError(RequestError):
    """The body is larger than the limit of this path; `detail["maximum"]` is in bytes."""

    code = "too_large"


class AuthError(MelanzanaError):
    """The caller is not known or not allowed."""

    code = "auth_error"


class InvalidTokenError(AuthError):
    """The access token is missing, malformed, expired or revoked; `detail["missing"]` is true when none was sent."""

    code = "invalid_token"


class InsufficientScopeError(AuthError):
    """The access token is valid and does not allow this; `detail["scope"]` names what is needed."""

    code = "insufficient_scope"


class LoginNeededError(AuthError):
    """A page needs a browser session and there is none; the answer leads to the login page."""

    code = "login_needed"


class LoginRefusedError(AuthError):
    """A login that was refused: unknown name, wrong password, disabled account and too many attempts look alike."""

    code = "login_refused"


class ForgedRequestError(AuthError):
    """A changing request does not prove that one of our own pages sent it for this session."""

    code = "forged_request"


class OAuthError(AuthError):
    """An error answer of an OAuth endpoint (RFC 6749 section 5.2): `error` is the registered word, `status` its HTTP code."""

    code = "oauth_error"

    def __init__(self, error: str, description: str, *, status: int = 400, **detail: Any) -> None:
        super().__init__(description, **detail)
        self.error = error
        self.status = status


class UnavailableError(MelanzanaError):
    """A part that is needed does not answer now; nothing was changed and the same call may be sent again."""

    code = "unavailable"


class SutTakenError(UnavailableError):
    """Another server locked the system under test in the same moment: claim again."""

    code = "sut_taken"


class BusyError(MelanzanaError):
    """The caller asks for too much at once; nothing was changed. `detail["retry_after"]` is in seconds."""

    code = "busy"


class RateLimitedError(BusyError):
    """One client started too many runs in a minute."""

    code = "rate_limited"


class TooManyHeldError(BusyError):
    """One client holds too many polls and streams open."""

    code = "too_many_held"


class QueueFullError(BusyError):
    """So many executions of the realm are queued that one more would only wait."""

    code = "queue_full"


class SettingsError(MelanzanaError):
    """A setting is wrong, or two settings contradict each other."""

    code = "settings_invalid"
