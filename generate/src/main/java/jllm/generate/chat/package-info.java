/**
 * From a conversation to the text that a model goes on with: {@link
 * jllm.generate.chat.ChatTemplate} with the model's own template ({@link
 * jllm.generate.chat.ChatTemplates} finds it) or one of {@link jllm.generate.chat.NamedTemplate},
 * and {@link jllm.generate.chat.AssistantSpans}: which characters of that text an assistant wrote.
 * The template language itself is in {@code jllm.generate.jinja}; nothing here prints.
 */
@NullMarked
package jllm.generate.chat;

import org.jspecify.annotations.NullMarked;
