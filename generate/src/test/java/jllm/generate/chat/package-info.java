/** Tests of chat templates, against renderings of the reference where the fixtures are there. */
@NullMarked
package jllm.generate.chat;

import org.jspecify.annotations.NullMarked;
