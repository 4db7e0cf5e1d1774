/** How tokens become text again, one at a time or all at once. */
@NullMarked
package jllm.tokenize.decode;

import org.jspecify.annotations.NullMarked;
