package io.github.micronautratelimit.openapi;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.swagger.v3.oas.annotations.OpenAPIDefinition;
import io.swagger.v3.oas.annotations.info.Info;

/** Routes under the limit of their class. */
@OpenAPIDefinition(info = @Info(title = "shop", version = "1"))
@Controller("/slow")
@RateLimit(value = "${slow.limit:5/min}", key = "{principal-or-ip}")
class SlowController {

    @Get("/page")
    String page() {
        return "";
    }

    @Get("/free")
    @NoRateLimit
    String free() {
        return "";
    }
}
