package io.github.micronautratelimit.examples.quickstart;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;
import java.security.Principal;

/** Limited by the path rules in application.yml, without an annotation. */
@Controller
@Secured(SecurityRule.IS_AUTHENTICATED)
class AccountController {

    /** Limited per token before authentication: 60 attempts a minute, whether the token is valid or not. */
    @Get("/auth/me")
    ApiResponse me(HttpRequest<?> request, Principal user) {
        return ApiResponse.of(request, "You are " + user.getName() + ".");
    }

    /** Limited per user, address and API key, all or nothing. */
    @Get("/account")
    ApiResponse account(HttpRequest<?> request, Principal user) {
        return ApiResponse.of(request, "The account of " + user.getName() + ".");
    }
}
