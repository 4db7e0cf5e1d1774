package jllm.ffi.cuda;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The C function behind a component of a record of method handles. {@code int} stands for C's int
 * and enumerations, {@code long} for 64-bit numbers, handles and device addresses, {@code
 * MemorySegment} for pointers to host memory.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@interface Symbol {
  String value();

  Class<?> returns() default int.class;

  Class<?>[] takes() default {};
}
