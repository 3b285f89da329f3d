package io.github.micronautratelimit.examples.quickstart;

import java.security.Principal;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.rules.SecurityRule;

/** Limited by the rules on paths in application.yml: no annotation is needed. */
@Controller
@Secured(SecurityRule.IS_AUTHENTICATED)
class AccountController {

    /** By token, before anybody knows whether it is right: 60 attempts a minute. */
    @Get("/auth/me")
    Answer me(HttpRequest<?> request, Principal user) {
        return Answer.to(request, "You are " + user.getName() + ".");
    }

    /** By user, address and API key, all or nothing. */
    @Get("/account")
    Answer account(HttpRequest<?> request, Principal user) {
        return Answer.to(request, "The account of " + user.getName() + ".");
    }
}
