package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicLong;

/** Counts the calls to the maps of an instance. Each call waits for an answer of the member that owns the key. */
final class CountedMaps {

    private static final AtomicLong CALLS = new AtomicLong();

    private CountedMaps() {}

    static long calls() {
        return CALLS.get();
    }

    static HazelcastInstance of(HazelcastInstance instance) {
        return proxy(HazelcastInstance.class, (self, method, arguments) -> {
            Object result = invoke(method, instance, arguments);
            return result instanceof IMap<?, ?> map ? counted(map) : result;
        });
    }

    private static IMap<?, ?> counted(IMap<?, ?> map) {
        return proxy(IMap.class, (self, method, arguments) -> {
            CALLS.incrementAndGet();
            return invoke(method, map, arguments);
        });
    }

    private static Object invoke(Method method, Object target, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
