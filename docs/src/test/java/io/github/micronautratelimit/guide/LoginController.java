package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import java.util.Map;

// tag::login[]
@Controller("/login")
class LoginController {

    @Post
    @RateLimit(value = "5/min", chargeOn = "401") // five wrong passwords per minute and address
    HttpResponse<?> login(@Body Map<String, String> form) {
        return "secret".equals(form.get("password")) ? HttpResponse.ok() : HttpResponse.unauthorized();
    }
}
// end::login[]
