package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.http.annotation.Status;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.scheduling.TaskExecutors;
import io.micronaut.scheduling.annotation.ExecuteOn;

/** Calls a limited bean. The {@link RateLimitExceededException} of the bean becomes a 429 response. */
@Controller("/api/mails")
@ExecuteOn(TaskExecutors.BLOCKING)
class MailController {

    private final MailService mails;
    private final RateLimiter limiter;

    MailController(MailService mails, RateLimiter limiter) {
        this.mails = mails;
        this.limiter = limiter;
    }

    @Post
    @Status(HttpStatus.ACCEPTED)
    ApiResponse send(@QueryValue String to) {
        if (to.isBlank()) {
            throw new HttpStatusException(HttpStatus.BAD_REQUEST, "The recipient is missing; call /api/mails?to=ann.");
        }
        mails.send(to, "You have a mail.");
        return new ApiResponse(
                "Mail sent.", limiter.peek(MailService.POLICY, to, 0).remaining());
    }
}
