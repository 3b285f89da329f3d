package io.github.micronautratelimit.benchmarks.redis;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.HashMap;
import java.util.Map;

/** The CPU time that this process has used up to an instant, in total and per thread. */
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

    /** Returns the seconds that all threads have used since, including those of the virtual machine. */
    double secondsSince(ClientCpu earlier) {
        return (process - earlier.process) / NANOS;
    }

    /** Returns the seconds that the busiest thread has used since. */
    double busiestSince(ClientCpu earlier) {
        return threads.entrySet().stream()
                        .mapToLong(entry -> entry.getValue() - earlier.threads.getOrDefault(entry.getKey(), 0L))
                        .max()
                        .orElse(0)
                / NANOS;
    }
}
