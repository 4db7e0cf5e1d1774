/**
 * The rules that keep the house in order, checked on the compiled classes of all modules: which
 * module may use which, and which corner of the JDK or library belongs to one package alone.
 */
@NullMarked
package jllm.architecture;

import org.jspecify.annotations.NullMarked;
