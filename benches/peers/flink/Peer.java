import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.Collector;

/**
 * The reduced rules in Flink SQL, streaming mode, in one process (a local mini-cluster).
 *
 * <p>Usage: Peer SQL_DIR INPUT AS_OF ANSWERS PARALLELISM [RATE PACED]. Prints one line of JSON. With RATE the last PACED messages
 * arrive at so many a second from memory; latency is from the arrival of a person's last message to a change of that person's alerts.
 */
public final class Peer {
    /** What arrived: the instant (ns) of each person's last paced message. The job runs in this process. */
    static final ConcurrentHashMap<String, Long> ARRIVED = new ConcurrentHashMap<>();
    static final List<Double> LATENCIES = new ArrayList<>();
    static final TreeMap<String, Integer> ROWS = new TreeMap<>();
    static long changes;
    static double planned;
    static volatile long ended;

    public static void main(String[] args) throws Exception {
        long started = System.nanoTime();
        Path sql = Path.of(args[0]);
        Path input = Path.of(args[1]);
        LocalDate asOf = LocalDate.parse(args[2].substring(0, 10));
        int parallelism = Integer.parseInt(args[4]);
        double rate = args.length > 5 ? Double.parseDouble(args[5]) : 0;
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(settings(parallelism, rate > 0));
        StreamTableEnvironment tables = StreamTableEnvironment.create(env);
        tables.getConfig().set("table.local-time-zone", "UTC");
        if (rate > 0) {
            Feed.load(input, rate, Integer.parseInt(args[6]));
            stream(env, tables);
        } else {
            run(tables, sql.resolve("tables.sql"), input);
        }
        run(tables, sql.resolve("records.sql"), input);
        run(tables, sql.resolve("rules.sql"), input);
        tables.toChangelogStream(tables.sqlQuery("SELECT * FROM alerts")).process(new Watch()).sinkTo(new DiscardingSink<>());
        planned = (System.nanoTime() - started) / 1e9;
        env.execute();
        int answers = write(Path.of(args[3]), asOf);
        System.out.println(report(parallelism, rate, answers, (System.nanoTime() - started) / 1e9));
        System.exit(0);
    }

    private static Configuration settings(int parallelism, boolean paced) {
        Configuration settings = new Configuration();
        settings.setString("parallelism.default", Integer.toString(parallelism));
        settings.setString("pipeline.object-reuse", "true");
        settings.setString("pipeline.auto-watermark-interval", paced ? "5 ms" : "200 ms");
        settings.setString("execution.buffer-timeout.interval", paced ? "1 ms" : "100 ms");
        settings.setString("state.backend.type", "hashmap");
        settings.setString("taskmanager.numberOfTaskSlots", Integer.toString(parallelism));
        settings.setString("taskmanager.memory.network.min", "256mb");
        settings.setString("taskmanager.memory.network.max", "256mb");
        settings.setString("table.exec.mini-batch.enabled", paced ? "false" : "true");
        settings.setString("table.exec.mini-batch.allow-latency", "1 s");
        settings.setString("table.exec.mini-batch.size", "10000");
        return settings;
    }

    private static void run(StreamTableEnvironment tables, Path file, Path input) throws IOException {
        String text = Files.readString(file).replace("{input}", input.toAbsolutePath().toString());
        StringBuilder plain = new StringBuilder();
        text.lines().filter(line -> !line.startsWith("--")).forEach(line -> plain.append(line).append('\n'));
        for (String statement : plain.toString().split(";\\s*\n")) {
            if (!statement.isBlank()) {
                tables.executeSql(statement);
            }
        }
    }

    /** The feeds as one stream from memory, with the tables that the rest is built from as views of it. */
    private static void stream(StreamExecutionEnvironment env, StreamTableEnvironment tables) {
        DataGeneratorSource<Row> source =
                new DataGeneratorSource<>(new Feed(), Feed.messages.size(), RateLimiterStrategy.noOp(), Feed.type());
        DataStream<Row> rows = env.fromSource(source, WatermarkStrategy.noWatermarks(), "feeds", Feed.type()).setParallelism(1);
        Schema.Builder schema = Schema.newBuilder();
        for (String column : Feed.COLUMNS) {
            schema.column(column, Feed.sqlType(column));
        }
        schema.watermark("known_time", "known_time - INTERVAL '0.001' SECOND");
        tables.createTemporaryView("feeds", rows, schema.build());
        for (String feed : Feed.FEEDS) {
            tables.executeSql("CREATE TEMPORARY VIEW all_" + feed + " AS SELECT * FROM feeds WHERE feed = '" + feed + "'");
        }
    }

    private static int write(Path file, LocalDate asOf) throws IOException {
        int count = 0;
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(file))) {
            for (Map.Entry<String, Integer> row : ROWS.entrySet()) {
                String[] parts = row.getKey().split("\t", -1);
                boolean due = !LocalDate.parse(parts[3]).isAfter(asOf);
                boolean holds = parts[4].isEmpty() || LocalDate.parse(parts[4]).plusDays(1).isAfter(asOf);
                if (row.getValue() > 0 && due && holds) {
                    out.println(parts[0] + "\t" + parts[1] + "\t" + parts[2]);
                    count++;
                }
            }
        }
        return count;
    }

    private static String report(int parallelism, double rate, int answers, double seconds) {
        StringBuilder out = new StringBuilder("{\"system\": \"Flink SQL\", \"version\": \"2.3.0\"");
        out.append(String.format(Locale.ROOT, ", \"settings\": \"parallelism %d, object reuse, heap state, %s, -Xmx%d MiB\"", parallelism,
                rate > 0 ? "no mini-batch, buffer timeout 1 ms, stream from memory" : "mini-batch 1 s or 10,000, NDJSON files",
                Runtime.getRuntime().maxMemory() >> 20));
        if (rate > 0) {
            double[] sorted = LATENCIES.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            out.append(String.format(Locale.ROOT, ", \"rate\": %.0f, \"reached\": %.1f, \"alerts_timed\": %d", rate, Feed.reached(), sorted.length));
            if (sorted.length > 0) {
                out.append(String.format(Locale.ROOT, ", \"latency_ms\": [%.1f, %.1f]", at(sorted, 0.5), at(sorted, 0.99)));
            }
        }
        return out.append(String.format(Locale.ROOT, ", \"answers\": %d, \"changes\": %d, \"planning_seconds\": %.3f, \"seconds_inside\": %.3f}", answers, changes,
                planned, seconds))
                .toString();
    }

    private static double at(double[] sorted, double quantile) {
        return sorted[(int) Math.min(sorted.length - 1, Math.round(quantile * (sorted.length - 1)))];
    }

    /** Keeps what stands, and times changes that follow a paced message. */
    public static final class Watch extends ProcessFunction<Row, Row> {
        @Override
        public void processElement(Row row, Context context, Collector<Row> out) {
            long now = System.nanoTime();
            String rule = (String) row.getField(0);
            String key = (String) row.getField(3);
            Integer month = (Integer) row.getField(4);
            LocalDate due = (LocalDate) row.getField(5);
            if (month != null) {
                due = LocalDate.of((month + 2) / 12, (month + 2) % 12 + 1, 7);
                key = key == null ? LocalDate.of(month / 12, month % 12 + 1, 1).toString() : key;
            }
            Object until = row.getField(6);
            String line = rule + "\t" + row.getField(2) + "\t" + key + "\t" + (due == null ? "1900-01-01" : due) + "\t" + (until == null ? "" : until);
            int change = row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER ? 1 : -1;
            Long arrived = ARRIVED.get((String) row.getField(1));
            synchronized (ROWS) {
                changes++;
                ROWS.merge(line, change, Integer::sum);
                if (arrived != null) {
                    LATENCIES.add((now - arrived) / 1e6);
                }
            }
        }
    }

    /** All feeds in the order in which they became known: the first messages at full speed, the last ones paced. */
    public static final class Feed implements GeneratorFunction<Long, Row> {
        static final List<String> FEEDS = List.of("permits", "reference", "population", "border", "payments", "notices");
        static final String[] COLUMNS = {
            "feed", "person_id", "known_time", "tbl", "record_key", "version", "op", "event_time", "permit_id", "permit_class", "first_grant",
            "valid_from", "valid_to", "ended_on", "floor_sek", "tied_until", "work_right", "employer_id", "from_on", "to_on", "tested_country",
            "declared_on", "kind", "payer_id", "month", "amount_sek", "dereg_code", "dereg_on", "direction", "country", "transit", "observed_on",
            "source", "event_on", "payer_kind"
        };
        static final List<String> DATES = List.of("valid_from", "valid_to", "ended_on", "tied_until", "from_on", "to_on", "declared_on", "month",
                "dereg_on", "observed_on", "event_on");
        static final List<String> NUMBERS = List.of("version", "floor_sek", "amount_sek");
        static final List<String> FLAGS = List.of("first_grant", "transit");

        static List<String[]> messages;
        static double rate;
        static int start;
        static long begun;
        private transient ObjectMapper mapper;

        static void load(Path input, double perSecond, int paced) throws IOException {
            messages = new ArrayList<>();
            for (String feed : FEEDS) {
                try (Stream<String> lines = Files.lines(input.resolve("ndjson/" + feed + ".ndjson"))) {
                    lines.filter(line -> !line.startsWith("{\"key\":null")).forEach(line -> messages.add(new String[] {feed, line}));
                }
            }
            messages.sort(Comparator.comparing(message -> known(message[1])));
            rate = perSecond;
            start = Math.max(0, messages.size() - paced);
        }

        private static String known(String line) {
            int at = line.indexOf("\"known_time\":\"");
            return at < 0 ? "" : line.substring(at + 14, Math.min(line.length(), at + 41));
        }

        static double reached() {
            return (messages.size() - start) / ((ended - begun) / 1e9);
        }

        static String sqlType(String column) {
            return DATES.contains(column) ? "DATE" : NUMBERS.contains(column) ? "BIGINT" : FLAGS.contains(column) ? "BOOLEAN"
                    : column.equals("known_time") ? "TIMESTAMP_LTZ(3)" : "STRING";
        }

        static TypeInformation<Row> type() {
            TypeInformation<?>[] types = Arrays.stream(COLUMNS).map(column -> switch (sqlType(column)) {
                case "DATE" -> Types.LOCAL_DATE;
                case "BIGINT" -> Types.LONG;
                case "BOOLEAN" -> Types.BOOLEAN;
                case "TIMESTAMP_LTZ(3)" -> Types.INSTANT;
                default -> Types.STRING;
            }).toArray(TypeInformation<?>[]::new);
            return Types.ROW_NAMED(COLUMNS, types);
        }

        @Override
        public Row map(Long index) throws Exception {
            int at = index.intValue();
            String[] message = messages.get(at);
            long due = 0;
            if (at >= start) {
                if (at == start) {
                    Thread.sleep(3000);   // the first part is to be worked through before the clock starts
                    begun = System.nanoTime();
                }
                due = begun + (long) ((at - start) / rate * 1e9);
                for (long now = System.nanoTime(); now < due; now = System.nanoTime()) {
                    Thread.sleep(0, (int) Math.min(900_000, due - now));
                }
                ended = System.nanoTime();
            }
            Row row = parse(message);
            if (due > 0 && row.getField(1) != null) {
                ARRIVED.put((String) row.getField(1), due);
            }
            return row;
        }

        private Row parse(String[] message) {
            if (mapper == null) {
                mapper = new ObjectMapper();
            }
            Row row = new Row(COLUMNS.length);
            row.setField(0, message[0]);
            JsonNode line;
            try {
                line = mapper.readTree(message[1]);
                JsonNode value = line.path("value");
                for (int i = 3; i < COLUMNS.length; i++) {
                    JsonNode cell = value.get(COLUMNS[i].equals("tbl") ? "table" : COLUMNS[i]);
                    if (cell != null && !cell.isNull()) {
                        row.setField(i, switch (sqlType(COLUMNS[i])) {
                            case "DATE" -> LocalDate.parse(cell.asText());
                            case "BIGINT" -> cell.asLong();
                            case "BOOLEAN" -> cell.asBoolean();
                            default -> cell.asText();
                        });
                    }
                }
                row.setField(1, line.path("key").isNull() ? null : line.path("key").asText());
                row.setField(2, Instant.parse(line.path("known_time").asText()));
            } catch (IOException | RuntimeException malformed) {
                row = new Row(COLUMNS.length);   // without a key: skipped
                row.setField(2, Instant.EPOCH);
            }
            return row;
        }
    }
}
