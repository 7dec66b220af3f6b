# fleet PATH TARGET...: asks every replica for a table, and merges the answers with a column `host`.
# A target is the socket: /run/app.sock here, HOST:/run/app.sock by ssh, pod/NAME:/run/app.sock by
# kubectl. Needs curl where the socket is, and jq and column here.
fleet() {
  case $1 in *\?*) query="$1&format=json" ;; *) query="$1?format=json" ;; esac
  shift
  for target; do
    ask="curl -sS -m 10 --unix-socket ${target#*:} 'http://./$query'" host=${target%:*}
    { case $target in
        pod/*) kubectl exec "$host" -- sh -c "$ask" ;;
        /*) sh -c "$ask" ;;
        *) ssh "$host" "$ask" ;;
      esac || echo '[{"error": "no answer"}]'; } | jq -r --arg host "$host" '
        (if type == "array" then . else [{error: .error.reason}] end)
        | (.[:1][] | ["host", keys_unsorted[]]), (.[] | [$host, (.[] | if . == null then "-" else . end)]) | @tsv' &
  done | awk -F '\t' '$1 != "host" || heading != $0 { print } $1 == "host" { heading = $0 }' | column -ts "$(printf '\t')"
}
