package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
	"time"
)

type result struct {
	url    string
	status int
	took   time.Duration
	err    error
}

func fetch(client *http.Client, url string) result {
	start := time.Now()
	resp, err := client.Get(url)
	if err != nil {
		return result{url: url, err: err}
	}
	defer resp.Body.Close()
	return result{url: url, status: resp.StatusCode, took: time.Since(start)}
}

func main() {
	client := &http.Client{Timeout: 5 * time.Second}
	results := make(chan result)
	var wg sync.WaitGroup

	for _, url := range os.Args[1:] {
		wg.Add(1)
		go func(u string) {
			defer wg.Done()
			results <- fetch(client, u)
		}(url)
	}
	go func() {
		wg.Wait()
		close(results)
	}()

	for r := range results {
		if r.err != nil {
			log.Printf("%s: %v", r.url, r.err)
			continue
		}
		fmt.Printf("%d %8s %s\n", r.status, r.took.Round(time.Millisecond), r.url)
	}
}
