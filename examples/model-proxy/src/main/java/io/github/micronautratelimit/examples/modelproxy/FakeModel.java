package io.github.micronautratelimit.examples.modelproxy;

import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.http.MediaType;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.sse.Event;
import java.time.Duration;
import reactor.core.publisher.Flux;

/** Stands for the server of a language model: says each word of the prompt twice, and reports the tokens used. */
@Requires(env = Application.MODEL)
@Controller("/completions")
class FakeModel {

    private final Duration pause;

    /** Pauses between tokens, as a model does. */
    FakeModel(@Value("${model.pause}") Duration pause) {
        this.pause = pause;
    }

    @Post(produces = MediaType.TEXT_EVENT_STREAM)
    Flux<Event<Part>> complete(@Body Prompt prompt) {
        String[] words = prompt.text().split(" ");
        int answered = Math.min(2 * words.length, prompt.maxTokens());
        Flux<Part> answer = Flux.range(0, answered).map(i -> new Part(words[i / 2], null));
        Flux<Part> parts = answer.concatWithValues(new Part("", (long) words.length + answered));
        Flux<Part> begin = Flux.just(new Part("", null));
        return begin.concatWith(pause.isZero() ? parts : parts.delayElements(pause))
                .map(Event::of);
    }
}
