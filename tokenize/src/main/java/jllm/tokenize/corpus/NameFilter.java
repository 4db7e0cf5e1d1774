package jllm.tokenize.corpus;

import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.PatternSyntaxException;

/** Which files of a folder or archive are read: not the hidden ones, and only those asked for. */
final class NameFilter {
  private final List<PathMatcher> names = new ArrayList<>();
  private final List<PathMatcher> paths = new ArrayList<>();

  NameFilter(List<String> globs) {
    for (String glob : globs) {
      try {
        (glob.indexOf('/') < 0 ? names : paths)
            .add(FileSystems.getDefault().getPathMatcher("glob:" + glob));
      } catch (PatternSyntaxException e) {
        throw new IllegalArgumentException("'" + glob + "' is not a glob: " + e.getMessage(), e);
      }
    }
  }

  /**
   * @param inside path inside the folder or archive
   */
  boolean accepts(String inside) {
    Path path;
    try {
      path = Path.of(inside).normalize();
    } catch (InvalidPathException e) {
      return names.isEmpty() && paths.isEmpty();
    }
    for (Path part : path) {
      String name = part.toString();
      if (name.startsWith(".") && !name.equals("..") || name.equals("__MACOSX")) {
        return false;
      }
    }
    if (names.isEmpty() && paths.isEmpty()) {
      return true;
    }
    Path name = path.getFileName();
    return name != null && names.stream().anyMatch(m -> m.matches(name))
        || paths.stream().anyMatch(m -> m.matches(path));
  }
}
