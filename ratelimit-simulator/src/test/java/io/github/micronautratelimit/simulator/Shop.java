package io.github.micronautratelimit.simulator;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Head;
import io.micronaut.http.annotation.Post;

/** Answers every request with the status that the log contains. */
@Controller
class Shop {

    static final String STATUS = "X-Logged-Status";

    @Get(uri = "/{+path}", headRoute = false)
    HttpResponse<?> get(HttpRequest<?> request, String path) {
        return answer(request);
    }

    @Get(uri = "/", headRoute = false)
    HttpResponse<?> root(HttpRequest<?> request) {
        return answer(request);
    }

    @Head("/{+path}")
    HttpResponse<?> head(HttpRequest<?> request, String path) {
        return answer(request);
    }

    @Post("/{+path}")
    HttpResponse<?> post(HttpRequest<?> request, String path) {
        return answer(request);
    }

    /** A default exclusion applies only to routes that it covers, and a log does not name routes. */
    @Get(
            uris = {"/favicon.ico", "/health"},
            headRoute = false)
    HttpResponse<?> excluded(HttpRequest<?> request) {
        return answer(request);
    }

    @Post("/health")
    HttpResponse<?> excludedPost(HttpRequest<?> request) {
        return answer(request);
    }

    @Head("/health")
    HttpResponse<?> excludedHead(HttpRequest<?> request) {
        return answer(request);
    }

    private static HttpResponse<?> answer(HttpRequest<?> request) {
        return HttpResponse.status(HttpStatus.valueOf(
                request.getHeaders().get(STATUS, Integer.class).orElse(200)));
    }
}
