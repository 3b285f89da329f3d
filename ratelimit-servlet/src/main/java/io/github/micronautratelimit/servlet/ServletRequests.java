package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import jakarta.servlet.http.Cookie;
import jakarta.servlet.http.HttpServletRequest;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reads the values of keys and costs from the requests of a container. */
final class ServletRequests {

    private static final Set<String> WITHOUT_BODY = Set.of("GET", "HEAD", "OPTIONS", "TRACE");

    private final ClientAddress addresses;
    private final Map<String, Function<HttpServletRequest, @Nullable String>> custom;

    ServletRequests(ClientAddress addresses, Map<String, Function<HttpServletRequest, @Nullable String>> custom) {
        this.addresses = addresses;
        this.custom = Map.copyOf(custom);
    }

    WebRequest of(HttpServletRequest request) {
        return new Values(request);
    }

    /** Returns the path inside the application, as the client has sent it and as the container has decoded it. */
    static RequestPath path(HttpServletRequest request) {
        String uri = request.getRequestURI();
        String context = request.getContextPath();
        String inside = uri.startsWith(context) ? uri.substring(context.length()) : uri;
        String decoded = request.getServletPath() + (request.getPathInfo() == null ? "" : request.getPathInfo());
        return new RequestPath(inside.isEmpty() ? "/" : inside, decoded.isEmpty() ? "/" : decoded);
    }

    private final class Values implements WebRequest {

        private final HttpServletRequest request;
        private @Nullable String address;

        Values(HttpServletRequest request) {
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
        public boolean hasRole(String role) {
            return request.isUserInRole(role);
        }

        @Override
        public String method() {
            return request.getMethod();
        }

        @Override
        public RequestPath path() {
            return ServletRequests.path(request);
        }

        @Override
        public @Nullable String header(String name) {
            return request.getHeader(name);
        }

        @Override
        public List<String> headerLines(String name) {
            return Collections.list(request.getHeaders(name));
        }

        @Override
        public @Nullable String cookie(String name) {
            List<String> values = cookieValues(name);
            return values.isEmpty() ? null : values.get(0);
        }

        @Override
        public List<String> cookieValues(String name) {
            Cookie @Nullable [] cookies = request.getCookies();
            return cookies == null
                    ? List.of()
                    : Arrays.stream(cookies)
                            .filter(cookie -> cookie.getName().equals(name))
                            .map(Cookie::getValue)
                            .toList();
        }

        @Override
        public @Nullable String query(String name) {
            List<String> values = queryValues(name);
            return values.isEmpty() ? null : values.get(0);
        }

        /** Does not use {@code getParameter}, which would read the body of a form. */
        @Override
        public List<String> queryValues(String name) {
            String query = request.getQueryString();
            List<String> values = new ArrayList<>(1);
            for (String pair : query == null ? List.<String>of() : List.of(query.split("&"))) {
                int equals = pair.indexOf('=');
                if (equals > 0 && decoded(pair.substring(0, equals)).equals(name)) {
                    values.add(decoded(pair.substring(equals + 1)));
                }
            }
            return values;
        }

        /**
         * HTTP/2 and HTTP/3 do not announce a body. A container knows only that there is no length, and most methods
         * without a length have no body.
         */
        @Override
        public boolean hasBodyOfUnknownSize() {
            if (isCompressed() || request.getHeader("Transfer-Encoding") != null) {
                return true;
            }
            boolean announced = request.getProtocol().startsWith("HTTP/1.");
            return !announced && request.getContentLengthLong() < 0 && !WITHOUT_BODY.contains(request.getMethod());
        }

        private static String decoded(String text) {
            try {
                return URLDecoder.decode(text, StandardCharsets.UTF_8);
            } catch (IllegalArgumentException e) {
                return text;
            }
        }

        @Override
        public @Nullable String custom(String name) {
            Function<HttpServletRequest, @Nullable String> finder = custom.get(name);
            return finder == null ? null : finder.apply(request);
        }
    }
}
