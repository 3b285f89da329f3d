package io.github.micronautratelimit.key;

import io.micronaut.core.bind.annotation.Bindable;
import io.micronaut.core.convert.ConversionContext;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.core.type.Argument;
import io.micronaut.web.router.MethodBasedRouteMatch;
import io.micronaut.web.router.RouteMatch;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reads a text as the method of a route does. The method does not distinguish {@code 7}, {@code 07} and a seven in the
 * digits of another script, if its argument is a number. As keys they would be as many counters of one resource.
 */
final class RouteArgument {

    private RouteArgument() {}

    /** Returns the text of the value that the method receives; the given text if the method receives a text. */
    static String value(@Nullable RouteMatch<?> route, String name, String text) {
        if (route instanceof MethodBasedRouteMatch<?, ?> method) {
            for (Argument<?> argument : method.getArguments()) {
                if (isScalar(argument.getType()) && name.equals(boundName(argument))) {
                    return ConversionService.SHARED
                            .convert(text, ConversionContext.of(argument))
                            .map(Object::toString)
                            .orElse(text);
                }
            }
        }
        return text;
    }

    private static String boundName(Argument<?> argument) {
        return argument.getAnnotationMetadata().stringValue(Bindable.class).orElse(argument.getName());
    }

    private static boolean isScalar(Class<?> type) {
        return type.isPrimitive()
                || Number.class.isAssignableFrom(type)
                || type == Boolean.class
                || type == UUID.class
                || type.isEnum();
    }
}
