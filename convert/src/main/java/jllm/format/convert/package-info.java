/**
 * A model of one format becomes one of another: what is written, in which types, and what travels
 * along (tokenizer, chat template, settings). The formats themselves, and the names of tensors in
 * them, are in the packages beside this one.
 */
@NullMarked
package jllm.format.convert;

import org.jspecify.annotations.NullMarked;
