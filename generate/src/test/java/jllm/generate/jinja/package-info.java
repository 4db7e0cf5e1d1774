/** Tests of the template language. */
@NullMarked
package jllm.generate.jinja;

import org.jspecify.annotations.NullMarked;
