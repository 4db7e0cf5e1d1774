/**
 * A small interpreter of Jinja templates, as chat templates of models use them: {@link
 * jllm.generate.jinja.JinjaTemplate} parses one and renders it.
 *
 * <p>The language is that of Jinja 3.1 (https://jinja.palletsprojects.com/en/stable/templates/) in
 * the environment of Hugging Face's transformers: an immutable sandbox with {@code trim_blocks},
 * {@code lstrip_blocks}, {@code break} and {@code continue}, {@code generation} blocks, {@code
 * raise_exception}, {@code strftime_now} and a {@code tojson} that escapes no HTML. Values behave
 * and print as Python's. What a conversation or a model is, this package does not know.
 */
@NullMarked
package jllm.generate.jinja;

import org.jspecify.annotations.NullMarked;
