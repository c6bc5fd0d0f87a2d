import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The engine's work as a competent person would write it in Kafka Streams.
 *
 * <pre>java -cp classes:jars/* BestPrices BOOTSTRAP TOPIC APPLICATION RECORDS FOLDER</pre>
 *
 * Reads the topic from its start, validates every book into a typed class, and keeps the highest bid and the lowest ask of
 * each product and five-minute window in a RocksDB store with its changelog, committed every two seconds. The state is at
 * least once, since highest and lowest suffer nothing from what comes twice; two threads; caches as they come.
 *
 * <p>Does all of it twice in one JVM, as two applications: the first warms the compiler up, the second is timed, from the
 * start of the streams until the last record is through. What is left of the last commit by then is not counted.
 */
public final class BestPrices {
  private static final long WINDOW_MS = 300_000;
  private static final long COMMIT_MS = 2_000;
  private static final int THREADS = 2;
  private static final long WAIT_MINUTES_MAX = 5;
  private static final String STORE = "best-prices";

  private static final Set<String> SOURCES = Set.of("coinbase", "mock", "simulator");
  private static final Set<String> STATES = Set.of("ok", "crossed", "locked", "indicative");
  private static final ObjectReader BOOKS =
      new ObjectMapper()
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .readerFor(ProductBook.class);

  @JsonFormat(shape = JsonFormat.Shape.ARRAY)
  @JsonPropertyOrder({"price", "size", "orders"})
  record Level(BigDecimal price, BigDecimal size, Integer orders) {
    Level {
      require(price.signum() > 0 && size.signum() > 0 && (orders == null || orders > 0), "level");
    }
  }

  record ProductBook(
      String type,
      String venue,
      String source,
      String product,
      Long sequence,
      Long exchangeTimeMs,
      long receivedAtMs,
      String state,
      List<Level> bids,
      List<Level> asks,
      int bidLevels,
      int askLevels,
      Object since) {
    ProductBook {
      require(type.equals("book") && venue.equals("coinbase") && SOURCES.contains(source), "kind");
      require(product.indexOf('-') > 0, "product");
      require(sequence == null || sequence >= 0, "sequence");
      require(receivedAtMs >= 0 && (exchangeTimeMs == null || exchangeTimeMs >= 0), "time");
      require(STATES.contains(state), "state");
      require(!bids.isEmpty() && !asks.isEmpty() && bids.size() <= 1_000 && asks.size() <= 1_000, "levels");
      require(bidLevels > 0 && askLevels > 0 && since == null, "counts");
    }

    long windowStartMs() {
      long atMs = exchangeTimeMs == null ? receivedAtMs : exchangeTimeMs;
      return atMs - atMs % WINDOW_MS;
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) throw new IllegalArgumentException("not a book: " + what);
  }

  /** Rows are text, {@code highestBid lowestAsk}, under {@code product/windowStartMs}. */
  private static final class Merge implements Processor<String, byte[], Void, Void> {
    private final Runnable seen;
    private KeyValueStore<String, String> rows;

    Merge(Runnable seen) {
      this.seen = seen;
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      rows = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, byte[]> record) {
      ProductBook book = read(record.value());
      if (book.state().equals("ok")) merge(book);
      seen.run();
    }

    private void merge(ProductBook book) {
      String key = book.product() + "/" + book.windowStartMs();
      BigDecimal bid = book.bids().get(0).price();
      BigDecimal ask = book.asks().get(0).price();
      String row = rows.get(key);
      if (row == null) {
        rows.put(key, bid.toPlainString() + " " + ask.toPlainString());
        return;
      }
      int space = row.indexOf(' ');
      BigDecimal highestBid = new BigDecimal(row.substring(0, space));
      BigDecimal lowestAsk = new BigDecimal(row.substring(space + 1));
      if (bid.compareTo(highestBid) <= 0 && ask.compareTo(lowestAsk) >= 0) return;
      rows.put(key, bid.max(highestBid).toPlainString() + " " + ask.min(lowestAsk).toPlainString());
    }

    private static ProductBook read(byte[] value) {
      try {
        return BOOKS.readValue(value);
      } catch (java.io.IOException error) {
        throw new java.io.UncheckedIOException(error);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0];
    String topic = args[1];
    String application = args[2];
    long wanted = Long.parseLong(args[3]);
    Path folder = Files.createDirectories(Path.of(args[4]));
    double warmUpSeconds = run(settings(bootstrap, application + "-warm-up", folder), topic, wanted);
    double seconds = run(settings(bootstrap, application, folder), topic, wanted);
    System.out.printf("{\"records\":%d,\"seconds\":%.6f,\"warmUpSeconds\":%.6f}%n", wanted, seconds, warmUpSeconds);
  }

  private static double run(Properties settings, String topic, long wanted) throws InterruptedException {
    AtomicLong records = new AtomicLong();
    CountDownLatch all = new CountDownLatch(1);
    Runnable seen = () -> { if (records.incrementAndGet() == wanted) all.countDown(); };
    long startedNs = System.nanoTime();
    try (KafkaStreams streams = new KafkaStreams(topology(topic, seen), settings)) {
      streams.setUncaughtExceptionHandler(error -> {
        error.printStackTrace();
        Runtime.getRuntime().halt(1);
        return null;
      });
      streams.start();
      if (!all.await(WAIT_MINUTES_MAX, TimeUnit.MINUTES)) throw new IllegalStateException("only " + records + " records");
      double seconds = (System.nanoTime() - startedNs) / 1e9;
      streams.close(Duration.ofSeconds(30));
      return seconds;
    }
  }

  private static Topology topology(String topic, Runnable seen) {
    var store = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.String());
    return new Topology()
        .addSource("books", Serdes.String().deserializer(), Serdes.ByteArray().deserializer(), topic)
        .addProcessor("merge", () -> new Merge(seen), "books")
        .addStateStore(store.withCachingEnabled().withLoggingEnabled(Map.of()), "merge");
  }

  private static Properties settings(String bootstrap, String application, Path folder) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, COMMIT_MS);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    return settings;
  }
}
