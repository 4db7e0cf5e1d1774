/** Tests of the writers: what is written gives the same tokens when it is read again. */
@NullMarked
package jllm.tokenize.write;

import org.jspecify.annotations.NullMarked;
