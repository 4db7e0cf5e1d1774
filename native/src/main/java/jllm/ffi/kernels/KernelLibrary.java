package jllm.ffi.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The library of CPU kernels in C, loaded until the process ends. What a processor cannot run is
 * never called: the library itself says what this one has, in a function that every x86-64 runs.
 *
 * <p>Settings in the environment: {@code JLLM_NATIVE} is the path of a library built elsewhere, or
 * {@code off}; {@code JLLM_NATIVE_ISA} names the {@link InstructionSet} beyond which none is used.
 */
public final class KernelLibrary {
  private static final Logger LOG = System.getLogger(KernelLibrary.class.getName());

  static final String PATH = "JLLM_NATIVE";
  static final String BEST = "JLLM_NATIVE_ISA";
  private static final String OFF = "off";

  /** {@code JLLM_ABI} of {@code jllm_kernels.h}. */
  private static final int ABI = 1;

  private final Path file;
  private final SymbolLookup symbols;
  private final Set<InstructionSet> sets;
  private final String refused;

  private KernelLibrary(Path file, SymbolLookup symbols, Set<InstructionSet> sets, String refused) {
    this.file = file;
    this.symbols = symbols;
    this.sets = sets;
    this.refused = refused;
  }

  /**
   * Loads the library that the environment names, otherwise the one that came with the program.
   *
   * @throws MissingKernelsException if there is none, or none that works on this machine
   */
  public static KernelLibrary open(Map<String, String> environment) {
    String path = environment.getOrDefault(PATH, "");
    if (path.equals(OFF)) {
      throw new MissingKernelsException(PATH + " is off");
    }
    String best = environment.getOrDefault(BEST, "");
    InstructionSet limit = best.isEmpty() ? InstructionSet.AMX : InstructionSet.of(best);
    return load(path.isEmpty() ? BundledLibrary.file(environment) : Path.of(path), limit);
  }

  private static KernelLibrary load(Path file, InstructionSet limit) {
    SymbolLookup symbols;
    try {
      symbols = SymbolLookup.libraryLookup(file.toAbsolutePath(), Arena.global());
    } catch (IllegalArgumentException e) {
      throw new MissingKernelsException(file + " cannot be loaded: " + e.getMessage());
    }
    int abi = call(symbols, file, "jllm_abi");
    if (abi != ABI) {
      throw new MissingKernelsException(
          "%s has version %d of the kernels' interface, expected %d: build it from the sources of this jllm"
              .formatted(file, abi, ABI));
    }
    EnumSet<InstructionSet> sets = sets(call(symbols, file, "jllm_processor"), limit);
    String refused = "";
    if (sets.contains(InstructionSet.AMX)) {
      int error = call(symbols, file, "jllm_amx_permission");
      if (error != 0) {
        sets.remove(InstructionSet.AMX);
        refused = "the system refuses AMX (arch_prctl, error %d)".formatted(error);
        LOG.log(Level.DEBUG, refused);
      }
    }
    return new KernelLibrary(file, symbols, Collections.unmodifiableSet(sets), refused);
  }

  /** What a processor has, up to a limit. */
  private static EnumSet<InstructionSet> sets(int processor, InstructionSet limit) {
    EnumSet<InstructionSet> sets = EnumSet.noneOf(InstructionSet.class);
    for (InstructionSet set : InstructionSet.values()) {
      if (set.in(processor) && set.compareTo(limit) <= 0) {
        sets.add(set);
      }
    }
    if (sets.isEmpty()) {
      throw new MissingKernelsException(
          "the native kernels need a processor with AVX2, FMA and F16C, or a later one");
    }
    return sets;
  }

  /** Calls a function without parameters, those that tell about library and processor. */
  private static int call(SymbolLookup symbols, Path file, String name) {
    MethodHandle function =
        symbols
            .find(name)
            .map(address ->
                Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.of(JAVA_INT)))
            .orElseThrow(() ->
                new MissingKernelsException(
                    file + " is no library of jllm's kernels: it has no " + name));
    try {
      return (int) function.invokeExact();
    } catch (Throwable e) {
      throw Calls.unexpected(e);
    }
  }

  /** Where it was loaded from. */
  public Path file() {
    return file;
  }

  /** What this processor has and the environment allows, in the order in which it came. */
  public Set<InstructionSet> instructionSets() {
    return sets;
  }

  /** Why the processor's AMX cannot be used; empty if it can, or the processor has none. */
  public String refused() {
    return refused;
  }

  /** The last of {@link #instructionSets}. */
  public InstructionSet best() {
    return Collections.max(sets);
  }

  /**
   * The function of a kernel family for the latest instructions that this processor has and the
   * family was written (and this library built) for.
   *
   * @param family name without the instruction set, such as {@code jllm_decode}
   */
  Optional<Found> find(String family, FunctionDescriptor type) {
    List<InstructionSet> latestFirst = new ArrayList<>(sets);
    Collections.reverse(latestFirst);
    for (InstructionSet set : latestFirst) {
      var address = symbols.find(family + "_" + set.key());
      if (address.isPresent()) {
        return Optional.of(
            new Found(set, Linker.nativeLinker().downcallHandle(address.get(), type)));
      }
    }
    return Optional.empty();
  }

  /** A function and the instructions that it was compiled for. */
  record Found(InstructionSet set, MethodHandle function) {}
}
