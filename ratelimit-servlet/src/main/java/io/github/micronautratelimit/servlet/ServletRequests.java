package io.github.micronautratelimit.servlet;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;

/** Reads keys and costs from a container's requests. */
final class ServletRequests {

    private final ClientAddress addresses;
    private final Map<String, Function<HttpServletRequest, @Nullable String>> custom;

    ServletRequests(ClientAddress addresses, Map<String, Function<HttpServletRequest, @Nullable String>> custom) {
        this.addresses = addresses;
        this.custom = Map.copyOf(custom);
    }

    Read read(HttpServletRequest request) {
        return new Read(request);
    }

    /** The path within the application, as the client has sent it and as the container has read it. */
    static RequestPath path(HttpServletRequest request) {
        String uri = request.getRequestURI();
        String context = request.getContextPath();
        String inside = uri.startsWith(context) ? uri.substring(context.length()) : uri;
        String served = request.getServletPath() + (request.getPathInfo() == null ? "" : request.getPathInfo());
        return new RequestPath(inside.isEmpty() ? "/" : inside, served.isEmpty() ? "/" : served);
    }

    final class Read implements WebRequest {

        private final HttpServletRequest request;
        private @Nullable String address;

        private Read(HttpServletRequest request) {
            this.request = request;
        }

        @Override
        public String address() {
            if (address == null) {
                address = addresses.of(request.getRemoteAddr(), name -> Collections.list(request.getHeaders(name)));
            }
            return address;
        }

        @Override
        public @Nullable String userName() {
            Principal user = request.getUserPrincipal();
            return user == null ? null : user.getName();
        }

        @Override
        public @Nullable String header(String name) {
            return request.getHeader(name);
        }

        @Override
        public @Nullable String cookie(String name) {
            Cookie @Nullable [] cookies = request.getCookies();
            for (Cookie cookie : cookies == null ? new Cookie[0] : cookies) {
                if (cookie.getName().equals(name)) {
                    return cookie.getValue();
                }
            }
            return null;
        }

        /** Not from {@code getParameter}, which would read the body of a form. */
        @Override
        public @Nullable String query(String name) {
            String query = request.getQueryString();
            for (String pair : query == null ? List.<String>of() : List.of(query.split("&"))) {
                int equals = pair.indexOf('=');
                if (equals > 0 && decoded(pair.substring(0, equals)).equals(name)) {
                    return decoded(pair.substring(equals + 1));
                }
            }
            return null;
        }

        private static String decoded(String text) {
            try {
                return URLDecoder.decode(text, StandardCharsets.UTF_8);
            } catch (IllegalArgumentException e) {
                return text;
            }
        }

        @Override
        public @Nullable String pathVariable(String name) {
            return null;
        }

        @Override
        public @Nullable String custom(String name) {
            Function<HttpServletRequest, @Nullable String> finder = custom.get(name);
            return finder == null ? null : finder.apply(request);
        }
    }
}
