package com.example.cache;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** A cache that forgets the entry that was not used for the longest time. */
public class LruCache<K, V> {

    private final int capacity;
    private final Map<K, V> entries;
    private long hits;
    private long misses;

    public LruCache(int capacity) {
        if (capacity <= 0) {
            throw new IllegalArgumentException("capacity must be positive: " + capacity);
        }
        this.capacity = capacity;
        this.entries = new LinkedHashMap<K, V>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
                return size() > LruCache.this.capacity;
            }
        };
    }

    public synchronized Optional<V> get(K key) {
        V value = entries.get(key);
        if (value == null) {
            misses++;
            return Optional.empty();
        }
        hits++;
        return Optional.of(value);
    }

    public synchronized V getOrCompute(K key, Function<K, V> loader) {
        return get(key).orElseGet(() -> {
            V loaded = loader.apply(key);
            entries.put(key, loaded);
            return loaded;
        });
    }

    public static void main(String[] args) {
        LruCache<String, Integer> cache = new LruCache<>(2);
        cache.getOrCompute("one", String::length);
        System.out.println("hits: " + cache.hits + ", misses: " + cache.misses);
    }
}
