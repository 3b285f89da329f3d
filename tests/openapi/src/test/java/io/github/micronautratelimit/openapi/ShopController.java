package io.github.micronautratelimit.openapi;

import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.swagger.v3.oas.annotations.Operation;
import io.swagger.v3.oas.annotations.extensions.Extension;
import io.swagger.v3.oas.annotations.extensions.ExtensionProperty;
import io.swagger.v3.oas.annotations.responses.ApiResponse;
import java.util.List;

/** Routes with and without limits. */
@Controller("/shop")
class ShopController {

    @Get("/items")
    @RateLimit("100/min")
    List<String> items() {
        return List.of();
    }

    @Post("/orders")
    @RateLimit(policy = "write")
    @RateLimit(value = "20/min", key = "{header:X-Tenant}", permits = "{body-size} / 1024 1..100")
    String order(@Body String order) {
        return order;
    }

    @Get("/free")
    String free() {
        return "";
    }

    @Get("/unlimited")
    @NoRateLimit
    String unlimited() {
        return "";
    }

    @Get("/shadow")
    @RateLimit(value = "1/min", shadow = true)
    String shadow() {
        return "";
    }

    @Get("/described")
    @RateLimit("3/min")
    @Operation(
            summary = "Its own description",
            extensions = @Extension(name = "x-own", properties = @ExtensionProperty(name = "a", value = "b")))
    @ApiResponse(responseCode = "200", description = "Fine")
    @ApiResponse(responseCode = "429", description = "Its own denial")
    String described() {
        return "";
    }
}
