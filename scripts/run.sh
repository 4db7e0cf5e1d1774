# Sourced by launchers: run replaces this process by the program, with the arguments given to it. Uses
#   jdk, jdk_release  folder and version of the JDK or runtime image
#   options           folder of jvm.options and computing.options
#   jars              folder of the program's jars
#   caches            folder for AOT caches; without them, and where it cannot be written to, the
#                     program starts slower

run() {
  # Under another locale the JVM would replace the characters of arguments and file names that it
  # does not know.
  LC_ALL=C.UTF-8
  export LC_ALL
  terminals=
  [ -t 0 ] && terminals=0
  [ -t 1 ] && terminals=${terminals}1
  [ -t 2 ] && terminals=${terminals}2
  # Without the Vector API's module the JVM starts in half the time.
  case ${1-} in
    '' | -* | tokenize | train-bpe | chat-template | models | completion) kind=short ;;
    *) kind=computing ;;
  esac
  brief=
  is_brief "$@" && brief=-XX:TieredStopAtLevel=1
  set -f
  # shellcheck disable=SC2086 # the user's options are words
  set -- -Djllm.terminals="$terminals" $brief ${JLLM_JAVA_OPTS-} -jar "$jars/jllm.jar" "$@"
  if [ "${JLLM_AOT-}" = off ]; then
    :
  elif find_cache; then
    # A cache that the JVM does not accept is no reason to bother anyone.
    set -- -XX:AOTCache="$cache" -Xlog:disable "$@"
  else
    record_cache
  fi
  "run_$kind" "$@"
}

# Whether a command is over before compiling with all optimizations can pay: less than half of the
# JVM's work then.
is_brief() {
  case ${1-} in
    '' | -* | models | completion | chat-template) return 0 ;;
    tokenize) shift ;;
    *) return 1 ;;
  esac
  # Of a text on the command line; files and standard input may be long.
  status=1
  while [ $# -gt 0 ]; do
    case $1 in
      -f* | --file* | --to-shards*) return 1 ;;
      -m | --model | --tokenizer | --pattern | --color | --errors | -t | --threads | --config | --log-file)
        [ $# -gt 1 ] && shift
        ;;
      -*) ;;
      *) status=0 ;;
    esac
    shift
  done
  return $status
}

run_short() {
  exec "$jdk/bin/java" "@$options/jvm.options" "$@"
}

# The JVM warns that the Vector API is incubating, and no option stops it. So it starts with standard
# error on a pipe, from which only other lines are passed on; the program itself writes to
# descriptor 9, the real one.
run_computing() {
  true >&2 || exec 2>/dev/null
  exec 9>&2
  set -- "$jdk/bin/java" "@$options/jvm.options" "@$options/computing.options" \
    -Djllm.stderr.fd=9 "$@"
  pipe=${TMPDIR:-/tmp}/jllm.$$
  if mkfifo -m 600 "$pipe" 2>/dev/null; then
    pass_on <"$pipe" >&9 2>/dev/null &
    exec "$@" 2>"$pipe"
  fi
  exec "$@"
}

pass_on() {
  rm -f "$pipe"
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      'WARNING: Using incubator modules: jdk.incubator.vector') exec cat ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}

# Sets cache to the AOT cache of this kind of command, whose name says what it was recorded with: the
# JVM does not notice that the jars are others.
find_cache() {
  cache=$caches/aot-$kind-$jdk_release
  [ -f "$cache" ]
}

# Records the cache for later launches, in the background: it takes some seconds.
record_cache() {
  # Also says that another launch is at it, or that it did not work.
  mkdir "$cache.recording" 2>/dev/null || return 0
  case $kind in
    computing) set -- "@$options/computing.options" ;;
    short) set -- ;;
  esac
  (
    nice -n 10 "$jdk/bin/java" "@$options/jvm.options" "$@" \
      -XX:AOTCacheOutput="$cache.recording/aot" -cp "$jars/jllm.jar" \
      jllm.cli.StartupRecording "$kind" &&
      mv "$cache.recording/aot" "$cache" && rm -rf "$cache.recording"
  ) </dev/null >/dev/null 2>&1 9>&- &
}
