package io.github.micronautratelimit.benchmarks.redis;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.HashMap;
import java.util.Map;

import com.sun.management.OperatingSystemMXBean;

/** The processor time this process has used up to an instant, as a whole and by thread. */
final class ClientCpu {

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final OperatingSystemMXBean PROCESS =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    private static final double NANOS = 1e9;

    private final long process = PROCESS.getProcessCpuTime();
    private final Map<Long, Long> threads = new HashMap<>();

    ClientCpu() {
        for (long id : THREADS.getAllThreadIds()) {
            threads.put(id, THREADS.getThreadCpuTime(id));
        }
    }

    /** What all threads, also those of the virtual machine, have used since. */
    double secondsSince(ClientCpu earlier) {
        return (process - earlier.process) / NANOS;
    }

    /** What the busiest thread has used since. */
    double busiestSince(ClientCpu earlier) {
        return threads.entrySet().stream()
                .mapToLong(entry -> entry.getValue() - earlier.threads.getOrDefault(entry.getKey(), 0L))
                .max().orElse(0) / NANOS;
    }
}
