# Sourced by the launcher: build puts fresh jars into $state and sets lib to their folder's name.
# Uses root, state, current, jdk and is_fresh.

build() {
  case $root in
    *:*)
      echo "jllm: the path $root has a colon, which separates paths for the JVM: move the checkout." >&2
      return 3
      ;;
  esac
  mkdir -p "$state" 2>/dev/null && [ -w "$state" ] || {
    echo "jllm: $root must be built, but $state cannot be written to." >&2
    return 3
  }
  lock
  # Another launch may have built it in the meantime.
  is_fresh || make_jars
  build_status=$?
  unlock
  return $build_status
}

# One build at a time; the lock goes with the process that holds it.
lock() {
  if command -v flock >/dev/null; then
    exec 8>"$state/lock"
    flock -n 8 || {
      say_waiting
      flock 8
    }
    return
  fi
  lock_said=
  until mkdir "$state/lock.d" 2>/dev/null; do
    if read -r lock_owner 2>/dev/null <"$state/lock.d/owner" && ! kill -0 "$lock_owner" 2>/dev/null; then
      rm -rf "$state/lock.d"
    else
      [ -n "$lock_said" ] || say_waiting
      lock_said=yes
      sleep 1
    fi
  done
  echo $$ >"$state/lock.d/owner"
  trap unlock EXIT
}

say_waiting() {
  echo "jllm: waiting for a build that is running already" >&2
}

unlock() {
  exec 8>&-
  rm -rf "$state/lock.d"
  trap - EXIT
}

make_jars() {
  build_log=$state/build.log
  # What changes from now on is for the next build.
  : >"$state/started"
  # Jars of an earlier build may have other names.
  rm -rf "$root/cli/target/launcher/lib"
  run_maven | show_progress "$build_log"
  build_status=$?
  if [ $build_status -ne 0 ]; then
    echo "jllm: the build failed; its whole output is in $build_log" >&2
    # Without Maven's own advice, which begins at an empty line.
    build_errors=$(sed -n '/^\[ERROR\] *$/q; s/ *-> \[Help 1\]$//; /^\[ERROR\] ./p' "$build_log")
    printf '%s\n' "${build_errors:-$(tail -n 20 "$build_log")}" | head -n 20 >&2
    return 1
  fi
  read -r old_lib 2>/dev/null <"$current" || old_lib=
  lib=lib.$(date +%Y%m%d%H%M%S).$$
  mv "$root/cli/target/launcher/lib" "$state/$lib" && echo "$lib" >"$state/next" &&
    touch -r "$state/started" "$state/next" && mv -f "$state/next" "$current" || return 3
  # The jars before these may still be in use.
  for old in "$state"/lib.*; do
    case ${old##*/} in
      "$lib" | "$old_lib") ;;
      *) rm -rf "$old" ;;
    esac
  done
}

# Maven's output, and its exit status on the last line.
run_maven() {
  if command -v mvn >/dev/null; then maven=mvn; else maven=$root/mvnw; fi
  (cd "$root" && JAVA_HOME=$jdk "$maven" -B -Dquick -Dmaven.test.skip=true \
    -Djllm.target=target/launcher -pl cli -am package) </dev/null 2>&1
  printf '\nexit status %s\n' $?
}

# Copies what it reads to file $1 and returns the exit status that the last line gives.
show_progress() {
  status=1 downloads=0 module=
  [ -t 2 ] || echo "jllm: building; the first time may take a minute" >&2
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      'exit status '*) status=${line##* } ;;
      *'Building jllm-'*) module=${line##*Building jllm-} module=${module%% *} ;;
      *'Downloaded from '*) downloads=$((downloads + 1)) ;;
      *) continue ;;
    esac
    if [ -t 2 ]; then
      printf '\r\033[Kjllm: building %s' "$module" >&2
      [ $downloads -eq 0 ] || printf ' (%s files downloaded)' $downloads >&2
    fi
  done >"$1"
  [ ! -t 2 ] || printf '\r\033[K' >&2
  return "$status"
}
