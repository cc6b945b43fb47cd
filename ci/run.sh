#!/bin/sh
# Calls `melanzana ci run` with what the environment says: every option --some-name is the variable MELANZANA_CI_SOME_NAME; those that may be
# given several times have one value a line. Credentials come as DAI_CLIENT_ID and DAI_CLIENT_SECRET and are never on a command line.
# The action of GitHub and the templates of GitLab, Jenkins and Azure Pipelines beside this file all end here.
set -eu

of() { eval "printf '%s' \"\${MELANZANA_CI_$(printf '%s' "$1" | tr 'a-z-' 'A-Z_')-}\""; }
wrong() { echo "run.sh: $1" >&2; exit 2; }

server=$(of server-url)
[ -n "$server" ] || wrong "set MELANZANA_CI_SERVER_URL to the address of the server, such as https://melanzana.example.org"

if [ -n "$(of test-config-id)" ]; then set -- "$server" "$(of test-config-id)"
elif [ -n "$(of model-name)" ]; then set -- modelbased "$server"
elif [ -n "$(of suite-name)" ]; then set -- scriptbased "$server"
else set -- "$server"; fi

for option in \
  test-config-name model-name suite-name realm param-file filter-by-json previous-task-instance-id retries test-result-path timeout \
  poll-interval request-timeout request-retries backoff-factor ca-cert-path idempotency-key log-level test-environment-timeout space-name
do
  value=$(of "$option")
  if [ -n "$value" ]; then set -- "$@" "--$option=$value"; fi
done
for option in param filter-by; do
  while IFS= read -r line; do
    if [ -n "$line" ]; then set -- "$@" "--$option=$line"; fi
  done <<LINES
$(of "$option")
LINES
done
for option in dry-run fail-on-flaky; do
  case $(of "$option") in
    true) set -- "$@" "--$option" ;;
    false | '') ;;
    *) wrong "$option is true or false" ;;
  esac
done

if ! command -v melanzana >/dev/null; then
  here=$(cd "$(dirname "$0")/.." && pwd)
  package=$(of package)
  if [ -z "$package" ] && [ -d "$here/src/melanzana" ]; then package=$here; fi
  [ -n "$package" ] || wrong "melanzana is not installed: set MELANZANA_CI_PACKAGE to what pip shall install, such as a wheel"
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  { python3 -m venv "$place" && "$place/bin/pip" install --quiet --disable-pip-version-check "$package"; } >&2 || {
    echo "run.sh: $package could not be installed" >&2
    exit 3
  }
  PATH=$place/bin:$PATH
fi
# Not `exec`: what was installed is removed afterwards. A cancelled job's signal is passed on, and the end of the aborted task waited for.
melanzana ci run "$@" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null || :' TERM INT
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do code=0; wait "$child" || code=$?; done
exit "$code"
