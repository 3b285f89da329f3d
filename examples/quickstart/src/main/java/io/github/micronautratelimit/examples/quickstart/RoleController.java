package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.Status;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;

/** Each agent may request sensitive roles 10 times a minute in total. */
@Controller("/roles")
@Secured(SecurityRule.IS_AUTHENTICATED)
class RoleController {

    // tag::request[]
    @Post("/{role}/requests")
    @Status(HttpStatus.ACCEPTED)
    @RateLimit(policy = "role-requests")
    ApiResponse request(HttpRequest<?> request, String role) {
        return ApiResponse.of(request, "Role " + role + " requested.");
    }
    // end::request[]
}
