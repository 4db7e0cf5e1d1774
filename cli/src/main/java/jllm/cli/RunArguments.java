package jllm.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import jllm.tensor.Backend;
import jllm.train.Checkpoint;
import jllm.train.Checkpoints;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;

/** The options of a run of training, which its checkpoints note to go on with. */
record RunArguments(CommandSpec command) {
  private static final String ARGUMENTS = "arguments";
  private static final String BACKEND = "backend";

  /**
   * The checkpoint to go on from, if any. The options of its run are taken then, and those given
   * now over them.
   *
   * @param resume a path, or {@code auto} for the latest checkpoint of the run; absent: none
   * @param run the folder of the run
   * @param settings gets the options, for the checkpoints of this run
   */
  @Nullable Checkpoint resume(
      @Nullable String resume, Supplier<Path> run, Map<String, Object> settings)
      throws IOException {
    List<String> arguments = given();
    Checkpoint checkpoint = null;
    if (resume != null) {
      boolean auto = resume.equals("auto");
      Path path = auto ? run.get() : Path.of(resume);
      if (!auto || Checkpoints.exist(path)) {
        checkpoint = Checkpoints.find(path);
        if (checkpoint.settings().get(ARGUMENTS) instanceof List<?> recorded) {
          List<String> all = new ArrayList<>();
          recorded.forEach(argument -> all.add(String.valueOf(argument)));
          all.addAll(arguments);
          command.commandLine().parseArgs(all.toArray(new String[0]));
          arguments = all;
        }
      }
    }
    settings.put(ARGUMENTS, withoutResume(arguments));
    return checkpoint;
  }

  private List<String> given() {
    List<String> all = command.commandLine().getParseResult().originalArgs();
    return all.subList(all.indexOf(command.name()) + 1, all.size());
  }

  /** What a later part of the run is not to do again. */
  private static List<String> withoutResume(List<String> arguments) {
    List<String> kept = new ArrayList<>();
    for (int i = 0; i < arguments.size(); i++) {
      String argument = arguments.get(i);
      if (argument.equals("--resume")) {
        i++;
      } else if (!argument.startsWith("--resume=") && !argument.equals("--verify-resume")) {
        kept.add(argument);
      }
    }
    return kept;
  }

  /**
   * Notes what computes, and warns if a run goes on with another: sums are rounded in the order of
   * the kernels and of the threads.
   */
  static void noteBackend(
      Backend backend,
      @Nullable Checkpoint checkpoint,
      Map<String, Object> settings,
      PrintStream err) {
    Object before = checkpoint == null ? null : checkpoint.settings().get(BACKEND);
    if (before instanceof String described && !described.equals(backend.describe())) {
      err.println(
          "jllm: warning: the run began with %s and goes on with %s, which rounds otherwise: use the same --threads and --cpu-kernels for the same bits"
              .formatted(described, backend.describe()));
    }
    settings.put(BACKEND, backend.describe());
  }
}
