package jllm.ffi.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A library that was found and loaded; it stays until the process ends.
 *
 * @param path where it was found, or its name where the loader found it
 */
record NativeLibrary(String path, SymbolLookup symbols) {
  /** Folders of libraries, separated by colons: looked into first. */
  static final String FOLDERS = "JLLM_CUDA_LIBS";

  private static final String[] PYTHON = {
    "/usr/lib/python3*", "/usr/local/lib/python3*", "/opt/conda/lib/python3*"
  };

  /**
   * The names of a toolkit's library, the best first: a driver runs libraries of its own major
   * version and of older ones.
   *
   * @param driver the newest CUDA version that the driver knows, as {@link CudaDriver#version}
   */
  static List<String> versions(String name, int driver) {
    return driver / 1000 == 12
        ? List.of(name + ".12", name + ".13")
        : List.of(name + ".13", name + ".12");
  }

  /**
   * Loads the first library there is.
   *
   * @param what it is, for messages
   * @param names its file may have, the best first
   * @param toolkit whether it is part of toolkits, not of the driver
   * @throws MissingLibraryException if there is none
   */
  static NativeLibrary load(
      String what, List<String> names, boolean toolkit, Map<String, String> environment) {
    List<String> damaged = new ArrayList<>();
    for (Path folder : ownFolders(environment)) {
      for (String name : names) {
        NativeLibrary found = open(folder.resolve(name), damaged);
        if (found != null) {
          return found;
        }
      }
    }
    for (String name : names) {
      try {
        return new NativeLibrary(name, SymbolLookup.libraryLookup(name, Arena.global()));
      } catch (IllegalArgumentException e) {
        // The loader does not know it: there are more folders to look into.
      }
    }
    List<Path> folders = toolkit ? toolkitFolders(environment) : List.of();
    for (Path folder : folders) {
      for (String name : names) {
        NativeLibrary found = open(folder.resolve(name), damaged);
        if (found != null) {
          return found;
        }
      }
    }
    throw new MissingLibraryException(
        "no %s (%s): looked into %s and the loader's path%s%s%s"
            .formatted(
                what,
                String.join(", ", names),
                environment.containsKey(FOLDERS)
                    ? FOLDERS + "=" + environment.get(FOLDERS)
                    : FOLDERS + " (not set)",
                toolkit
                    ? ", /usr/local/cuda*/lib64 and nvidia/*/lib of Python's site-packages"
                    : "",
                folders.isEmpty() ? "" : " (" + join(folders) + ")",
                damaged.isEmpty() ? "" : "; cannot be loaded: " + String.join("; ", damaged)));
  }

  private static String join(List<Path> folders) {
    return String.join(", ", folders.stream().map(Path::toString).toList());
  }

  private static @org.jspecify.annotations.Nullable NativeLibrary open(
      Path file, List<String> damaged) {
    if (!Files.isRegularFile(file)) {
      return null;
    }
    try {
      loadCompanions(file);
      return new NativeLibrary(
          file.toString(), SymbolLookup.libraryLookup(file.toAbsolutePath(), Arena.global()));
    } catch (IllegalArgumentException e) {
      damaged.add(e.getMessage());
      return null;
    }
  }

  /**
   * NVRTC loads a second library of its folder by name alone, which the loader does not find there
   * unless it is loaded already.
   */
  private static void loadCompanions(Path file) {
    Path folder = file.getParent();
    if (folder != null && file.getFileName().toString().startsWith("libnvrtc.")) {
      for (Path companion : list(folder, "libnvrtc-builtins.so*")) {
        SymbolLookup.libraryLookup(companion.toAbsolutePath(), Arena.global());
      }
    }
  }

  private static List<Path> ownFolders(Map<String, String> environment) {
    List<Path> folders = new ArrayList<>();
    for (String folder : environment.getOrDefault(FOLDERS, "").split(":", -1)) {
      if (!folder.isEmpty()) {
        folders.add(Path.of(folder));
      }
    }
    return folders;
  }

  /** Folders that exist, of toolkits and of Python environments. */
  private static List<Path> toolkitFolders(Map<String, String> environment) {
    List<Path> folders = new ArrayList<>();
    for (Path toolkit : list(Path.of("/usr/local"), "cuda*")) {
      add(folders, toolkit.resolve("lib64"));
    }
    List<Path> pythons = new ArrayList<>();
    for (String variable : new String[] {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
      String prefix = environment.get(variable);
      if (prefix != null && !prefix.isEmpty()) {
        pythons.addAll(list(Path.of(prefix, "lib"), "python3*"));
      }
    }
    String home = environment.get("HOME");
    if (home != null && !home.isEmpty()) {
      pythons.addAll(list(Path.of(home, ".local", "lib"), "python3*"));
    }
    for (String pattern : PYTHON) {
      Path path = Path.of(pattern);
      pythons.addAll(list(path.resolveSibling(""), path.getFileName().toString()));
    }
    for (Path python : pythons) {
      for (String packages : new String[] {"site-packages", "dist-packages"}) {
        for (Path part : list(python.resolve(packages).resolve("nvidia"), "*")) {
          add(folders, part.resolve("lib"));
        }
      }
    }
    return folders;
  }

  private static void add(List<Path> folders, Path folder) {
    if (Files.isDirectory(folder)) {
      folders.add(folder);
    }
  }

  private static List<Path> list(Path folder, String pattern) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    List<Path> entries = new ArrayList<>();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, pattern)) {
      found.forEach(entries::add);
    } catch (IOException | UncheckedIOException | java.nio.file.DirectoryIteratorException e) {
      return List.of(); // A folder that we may not read holds no library for us.
    }
    entries.sort(null);
    return entries;
  }
}
