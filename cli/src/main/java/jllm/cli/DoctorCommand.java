package jllm.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import jllm.tensor.cpu.CpuKernels;
import jllm.tensor.cpu.Processor;
import jllm.tensor.cuda.CudaBackend;
import jllm.tensor.cuda.CudaDevice;
import jllm.tensor.cuda.DeviceUnavailableException;
import jllm.tensor.cuda.MatrixMath;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code jllm doctor}: whether the machine has what the program wants. */
@Command(
    name = "doctor",
    description = "Say what this machine has of what jllm wants, and how to get what is missing.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "Ends with status 6 if something is missing without which jllm is slow or fails; a GPU is"
          + " not",
      "needed.",
      "",
      "Example: jllm doctor"
    })
final class DoctorCommand implements Callable<Integer> {
  private final Streams streams;

  @Mixin private final OutputOptions output = new OutputOptions();

  DoctorCommand(Streams streams) {
    this.streams = streams;
  }

  private enum State {
    OK,
    /** Could be better, works as well. */
    ABSENT,
    MISSING
  }

  /**
   * What was found.
   *
   * @param advice what to do about it, empty if nothing
   */
  private record Check(String what, State state, String found, String advice) {
    Map<String, Object> fields() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("check", what);
      fields.put("state", state.name().toLowerCase(Locale.ROOT));
      fields.put("found", found);
      fields.put("advice", advice);
      return fields;
    }
  }

  @Override
  public Integer call() throws IOException {
    output.apply();
    List<Check> checks = new ArrayList<>(List.of(java(), cpuKernels(), processor(), memory()));
    checks.add(hugePages());
    checks.add(gpu());
    checks.add(userFolder());
    if (output.json) {
      streams.out().print(Json.compact(checks.stream().map(Check::fields).toList()) + "\n");
    } else {
      print(checks);
    }
    boolean missing = checks.stream().anyMatch(check -> check.state() == State.MISSING);
    return missing ? ExitCode.CHECK_FAILED : ExitCode.OK;
  }

  private void print(List<Check> checks) throws IOException {
    Table<Check> table =
        new Table<Check>()
            .left("", check -> check.state().name().toLowerCase(Locale.ROOT))
            .left("", Check::what)
            .left("", Check::found);
    streams.out().print(table.text(checks).stripLeading());
    for (Check check : checks) {
      if (!check.advice().isEmpty()) {
        streams.out().print("\n%s: %s\n".formatted(check.what(), check.advice()));
      }
    }
  }

  private static Check java() {
    String found =
        "%s (%s), %s"
            .formatted(
                Runtime.version(),
                System.getProperty("java.vendor"),
                System.getProperty("java.home"));
    return new Check("Java", State.OK, found, "");
  }

  private static Check cpuKernels() {
    String found = CpuKernels.AUTO.describe();
    return switch (CpuKernels.AUTO.choose()) {
      case NATIVE -> new Check("CPU kernels", State.OK, found, "");
      case VECTOR, AUTO ->
          new Check(
              "CPU kernels",
              State.ABSENT,
              found,
              "native ones are faster: "
                  + CpuKernels.nativeMissing().orElse("another set was chosen"));
      case SCALAR ->
          new Check(
              "CPU kernels",
              State.MISSING,
              found,
              "start the program with its launcher, or the JVM with --add-modules"
                  + " jdk.incubator.vector");
    };
  }

  private static Check processor() {
    Processor processor = Processor.ofThisMachine();
    String found =
        "%s, %d cores, %d threads%s"
            .formatted(
                processor.name(),
                processor.cores(),
                processor.threads(),
                processor.instructionSets().isEmpty()
                    ? ""
                    : ": " + String.join(" ", processor.instructionSets()));
    return new Check("processor", State.OK, found, "");
  }

  private static Check memory() {
    long available = Memory.available();
    return new Check(
        "memory",
        State.OK,
        available < 0 ? "not known" : Memory.show(available) + " available to this process",
        "");
  }

  /** Kernels read weights through fewer page table entries where the system gives large pages. */
  private static Check hugePages() {
    Path file = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
    try {
      String modes = Files.readString(file).strip();
      boolean never = modes.contains("[never]");
      return new Check(
          "huge pages",
          never ? State.ABSENT : State.OK,
          modes,
          never ? "decoding is up to a third slower without; as root: echo madvise > " + file : "");
    } catch (IOException noLinux) {
      return new Check("huge pages", State.ABSENT, "not known to this system", "");
    }
  }

  private static Check gpu() {
    try {
      List<String> names =
          CudaDevice.list(System.getenv()).stream()
              .map(gpu -> "%s, %s".formatted(gpu.name(), Memory.show(gpu.memory())))
              .toList();
      CudaBackend.open(0, MatrixMath.F32, System.getenv()).close();
      return new Check("GPU", State.OK, String.join("; ", names), "");
    } catch (DeviceUnavailableException e) {
      return new Check(
          "GPU",
          State.ABSENT,
          "none that can be used",
          e.getMessage()
              + ". The driver brings libcuda; NVRTC and cuBLAS come with the CUDA toolkit or with"
              + " pip install nvidia-cuda-nvrtc nvidia-cublas; JLLM_CUDA_LIBS names their folder");
    }
  }

  private static Check userFolder() {
    Path folder = UserFolder.path();
    Path existing = folder;
    while (existing != null && !Files.exists(existing)) {
      existing = existing.toAbsolutePath().getParent();
    }
    boolean writable =
        existing != null && Files.isDirectory(existing) && Files.isWritable(existing);
    return new Check(
        "own folder",
        writable ? State.OK : State.MISSING,
        folder + (Files.exists(folder) ? "" : " (made when it is needed)"),
        writable ? "" : "it cannot be written to; set JLLM_HOME to a folder that can");
  }
}
