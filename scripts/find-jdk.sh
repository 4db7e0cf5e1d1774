# Sourced by the launcher and by scripts. find_jdk sets jdk to the folder of a JDK that can build
# and run this project and jdk_release to its version, or says on standard error what is missing and returns 3.

jdk_needed=25

# Sets jdk_version to the feature release of the JDK in folder $1, to 0 if there is none. Reads the
# JDK's own description: starting each candidate would take longer than the program.
read_jdk_version() {
  jdk_version=0
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
  jdk_modules=jdk.incubator.vector
  while IFS='="' read -r jdk_key jdk_empty jdk_value jdk_rest; do
    case $jdk_key in
      JAVA_VERSION) jdk_version=${jdk_value%%[!0-9]*} jdk_read=$jdk_value ;;
      MODULES) jdk_modules=$jdk_value ;;
    esac
  done <"$1/release"
  case " $jdk_modules " in
    *" jdk.incubator.vector "*) ;;
    *) jdk_version=0 ;;
  esac
}

is_jdk() {
  [ -n "$1" ] || return 1
  read_jdk_version "$1"
  [ "${jdk_version:-0}" -ge "$jdk_needed" ] || return 1
  jdk=$1 jdk_release=$jdk_read
}

find_jdk() {
  if [ -n "${JLLM_JAVA_HOME-}" ]; then
    is_jdk "$JLLM_JAVA_HOME" && return 0
    echo "jllm: JLLM_JAVA_HOME is $JLLM_JAVA_HOME: no JDK $jdk_needed or newer is there." >&2
    echo "Set it to the folder of one (that with bin/javac in it), or unset it." >&2
    return 3
  fi
  is_jdk "${JAVA_HOME-}" && return 0
  if jdk_java=$(command -v java) && jdk_java=$(readlink -f "$jdk_java" 2>/dev/null); then
    is_jdk "${jdk_java%/bin/java}" && return 0
  fi
  # The oldest that will do: the Vector API may still change from one release to the next.
  jdk_best=
  for jdk_home in /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /usr/local/java/* /opt/java/* \
    /opt/jdk* /opt/*jdk* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* "$HOME"/.m2/jdks/* \
    "$HOME"/.gradle/jdks/* "$HOME"/.asdf/installs/java/* "$HOME"/.local/share/mise/installs/java/* \
    "$HOME"/.jabba/jdk/* /Library/Java/JavaVirtualMachines/*/Contents/Home \
    "$HOME"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
    /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
    if is_jdk "$jdk_home" && { [ -z "$jdk_best" ] || [ "$jdk_version" -lt "$jdk_best_version" ]; }; then
      jdk_best=$jdk_home jdk_best_version=$jdk_version jdk_best_release=$jdk_release
    fi
  done
  jdk=$jdk_best jdk_release=${jdk_best_release-}
  [ -z "$jdk" ] || return 0
  cat >&2 <<END
jllm: no JDK $jdk_needed or newer was found (looked at JAVA_HOME, the java on the PATH and where JDKs
are usually installed). Get one:
  any system:      https://adoptium.net/temurin/releases/?version=$jdk_needed
  SDKMAN:          sdk install java $jdk_needed-tem
  Homebrew:        brew install openjdk@$jdk_needed
  Debian, Ubuntu:  apt install openjdk-$jdk_needed-jdk-headless (or temurin-$jdk_needed-jdk)
If you have one elsewhere, set JLLM_JAVA_HOME to its folder (that with bin/javac in it).
END
  return 3
}
