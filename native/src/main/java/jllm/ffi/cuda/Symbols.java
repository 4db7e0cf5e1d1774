package jllm.ffi.cuda;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;

/** Fills records of method handles from a library. */
final class Symbols {
  private Symbols() {}

  /**
   * A record of type {@code type}, whose components are method handles with a {@link Symbol} each.
   *
   * @throws MissingLibraryException if the library lacks one of them
   */
  static <R extends Record> R bind(
      Class<R> type, NativeLibrary library, MethodHandles.Lookup caller) {
    RecordComponent[] components = type.getRecordComponents();
    Object[] handles = new Object[components.length];
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < components.length; i++) {
      handles[i] = handle(components[i].getAnnotation(Symbol.class), library);
      types[i] = MethodHandle.class;
    }
    try {
      var constructor = type.getDeclaredConstructor(types);
      return type.cast(caller.unreflectConstructor(constructor).invokeWithArguments(handles));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e); // The record has one constructor, which throws nothing.
    }
  }

  private static MethodHandle handle(Symbol symbol, NativeLibrary library) {
    SymbolLookup symbols = library.symbols();
    MemorySegment address =
        symbols
            .find(symbol.value())
            .orElseThrow(() ->
                new MissingLibraryException(
                    library.path()
                        + " has no function "
                        + symbol.value()
                        + ": it is of another version; 12 and 13 are known"));
    MemoryLayout[] arguments =
        Arrays.stream(symbol.takes()).map(Symbols::layout).toArray(MemoryLayout[]::new);
    FunctionDescriptor type =
        symbol.returns() == void.class
            ? FunctionDescriptor.ofVoid(arguments)
            : FunctionDescriptor.of(layout(symbol.returns()), arguments);
    return Linker.nativeLinker().downcallHandle(address, type);
  }

  private static MemoryLayout layout(Class<?> type) {
    if (type == int.class) {
      return ValueLayout.JAVA_INT;
    }
    if (type == long.class) {
      return ValueLayout.JAVA_LONG;
    }
    if (type == MemorySegment.class) {
      return ValueLayout.ADDRESS;
    }
    throw new IllegalArgumentException("no C type for " + type);
  }

  /** A call into C, which throws nothing. */
  interface Call<T> {
    T run() throws Throwable;
  }

  static <T> T call(Call<T> call) {
    try {
      return call.run();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** The text that a C function returned, or {@code otherwise} if it returned none. */
  static String text(MemorySegment string, String otherwise) {
    return string.address() == 0 ? otherwise : string.reinterpret(Long.MAX_VALUE).getString(0);
  }
}
