package io.github.micronautratelimit.nativeimage;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.lang.invoke.MethodHandles;
import java.util.ServiceLoader;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Uses every kind of look-up, so that the tests can check their detection. */
final class Reflective {

    private static final AtomicIntegerFieldUpdater<Reflective> COUNT =
            AtomicIntegerFieldUpdater.newUpdater(Reflective.class, "count");

    private volatile int count;

    Class<?> byName(String name) throws ClassNotFoundException {
        return Class.forName(name);
    }

    Object made(Class<?> type) throws ReflectiveOperationException {
        return type.getDeclaredConstructor().newInstance();
    }

    Function<String, @Nullable InputStream> resources() {
        return Reflective.class::getResourceAsStream;
    }

    Callable<Object> handles() {
        return () -> MethodHandles.lookup().findVarHandle(Reflective.class, "count", int.class);
    }

    Iterable<Runnable> services() {
        return ServiceLoader.load(Runnable.class);
    }

    Object read(InputStream in) throws IOException, ClassNotFoundException {
        try (ObjectInputStream objects = new ObjectInputStream(in)) {
            return objects.readObject();
        }
    }

    Runnable sent() {
        return (Runnable & Serializable) () -> COUNT.incrementAndGet(this);
    }

    String name() {
        return Reflective.class.getName();
    }

    Cache<String, String> counted() {
        return Caffeine.newBuilder().recordStats().build();
    }

    int plain(Object other) {
        return other.getClass().getSimpleName().length() + count;
    }
}
