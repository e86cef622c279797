// Load client of the live benchmark: N sockets on one topic, messages at a rate or as fast as a
// window of undelivered ones lets them, latency of every delivery. Prints one line of JSON.
//
// -shape portal: authenticate, subscribe, snapshot (the portal's protocol); plain: nothing to say.
// -publish is what a message is sent through: http://... takes a POST (the Go hub), tcp:... a line
// (the publisher process); empty: somebody else writes, and -log tells when what arrived.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

type link struct {
	c       *websocket.Conn
	lats    []float32
	arrived []arrival
}

type arrival struct {
	key string
	at  int64
}

var (
	n       = flag.Int("n", 1000, "")
	rate    = flag.Float64("rate", 20, "messages a second; 0: as fast as the window lets them")
	secs    = flag.Float64("secs", 5, "")
	posters = flag.Int("posters", 4, "")
	window  = flag.Int("window", 64, "messages that may be under way")
	addr    = flag.String("addr", "127.0.0.1:18080", "")
	shape   = flag.String("shape", "portal", "")
	tokens  = flag.String("tokens", "", "")
	topic   = flag.String("topic", "", "")
	publish = flag.String("publish", "", "")
	logged  = flag.String("log", "", "a string before the key of a message: each arrival is told")
	await   = flag.Int64("await", 0, "with -log: wait for so many different keys on all sockets")
	patient = flag.Float64("patient", 90, "seconds to wait for them")
	got     int64
	fresh   int64
	dead    int64
)

func micros() int64 { return time.Now().UnixNano() / 1000 }

// between returns what stands after a mark, up to a quote, comma or brace.
func between(b, mark []byte) []byte {
	p := bytes.Index(b, mark)
	if p < 0 {
		return nil
	}
	p += len(mark)
	for p < len(b) && (b[p] == ' ' || b[p] == '"') {
		p++
	}
	e := p
	for e < len(b) && b[e] != ',' && b[e] != '}' && b[e] != '"' {
		e++
	}
	return b[p:e]
}

func open(token string) (*websocket.Conn, error) {
	d := websocket.Dialer{HandshakeTimeout: 60 * time.Second, ReadBufferSize: 4096, WriteBufferSize: 512}
	path := "/ws/"
	if *shape == "portal" {
		path = "/ws/live/"
	}
	c, _, err := d.Dial("ws://"+*addr+path, nil)
	if err != nil || *shape != "portal" {
		return c, err
	}
	c.WriteMessage(websocket.TextMessage, []byte(`{"type":"authenticate","token":"`+token+`"}`))
	if err := expect(c, "ready"); err != nil || *topic == "" {
		return c, err
	}
	c.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","topic":"`+*topic+`"}`))
	if err := expect(c, "subscribed"); err != nil || !strings.HasSuffix(*topic, ".vitals") {
		return c, err
	}
	return c, expect(c, "snapshot")
}

func expect(c *websocket.Conn, kind string) error {
	_, b, err := c.ReadMessage()
	if err == nil && string(between(b, []byte(`"type":`))) != kind {
		err = fmt.Errorf("%s instead of %s", b, kind)
	}
	return err
}

func listen(l *link) {
	buffer := make([]byte, 4096)
	stamp, mark := []byte(`"t":`), []byte(*logged)
	known := map[string]bool{}
	for {
		_, r, err := l.c.NextReader()
		if err != nil {
			atomic.AddInt64(&dead, 1)
			return
		}
		size := 0
		for {
			k, err := r.Read(buffer[size:])
			size += k
			if err != nil {
				break
			}
			if size == len(buffer) {
				buffer = append(buffer, make([]byte, size)...)
			}
		}
		now := micros()
		if len(mark) > 0 {
			if key := between(buffer[:size], mark); key != nil {
				l.arrived = append(l.arrived, arrival{string(key), now})
				atomic.AddInt64(&got, 1)
				if *await > 0 && !known[string(key)] {
					known[string(key)] = true
					atomic.AddInt64(&fresh, 1)
				}
			}
			continue
		}
		sent, _ := strconv.ParseInt(string(between(buffer[:size], stamp)), 10, 64)
		if sent > 1 {
			l.lats = append(l.lats, float32(now-sent)/1000)
			atomic.AddInt64(&got, 1)
		}
	}
}

// sender returns what publishes one message and waits until that was taken.
func sender() func(stamp int64) error {
	if strings.HasPrefix(*publish, "tcp:") {
		c, err := net.Dial("tcp", (*publish)[4:])
		if err != nil {
			panic(err)
		}
		r := bufio.NewReader(c)
		return func(stamp int64) error {
			if _, err := fmt.Fprintf(c, "%d\n", stamp); err != nil {
				return err
			}
			_, err := r.ReadSlice('\n')
			return err
		}
	}
	hc := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	return func(stamp int64) error {
		body := fmt.Sprintf(`{"t":%d,"patient_id":7,"heart_rate":72,"systolic":120,"diastolic":80,`+
			`"spo2":97,"note":"bedside monitor 7, ward B"}`, stamp)
		r, err := hc.Post(*publish, "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode/100 != 2 {
			return fmt.Errorf("%d", r.StatusCode)
		}
		return nil
	}
}

func readTokens() []string {
	content, err := os.ReadFile(*tokens)
	if err != nil {
		return []string{""}
	}
	return strings.Fields(string(content))
}

func connect() ([]*link, int64) {
	all := readTokens()
	links := make([]*link, *n)
	var wg sync.WaitGroup
	var failed int64
	sem := make(chan bool, 16)
	for i := range links {
		wg.Add(1)
		sem <- true
		go func(i int) {
			defer func() { <-sem; wg.Done() }()
			c, err := open(all[i%len(all)])
			if err != nil {
				if atomic.AddInt64(&failed, 1) == 1 {
					fmt.Fprintln(os.Stderr, err)
				}
				return
			}
			links[i] = &link{c: c}
			go listen(links[i]) // at once: heartbeats want an answer
		}(i)
	}
	wg.Wait()
	return links, failed
}

func percentile(a []float64, p float64) float64 {
	if len(a) == 0 {
		return -1
	}
	return a[int(p*float64(len(a)-1))]
}

func main() {
	flag.Parse()
	begun := time.Now()
	links, failed := connect()
	opened := time.Since(begun).Seconds()
	// Whoever started this measures meanwhile, and says so by a line (or closes).
	fmt.Printf(`{"open": %d, "failed": %d, "seconds": %.2f}`+"\n", int64(*n)-failed, failed, opened)
	bufio.NewReader(os.Stdin).ReadString('\n')
	if *publish == "" {
		for i := 0.0; i < *patient && atomic.LoadInt64(&fresh) < *await; i += 0.05 {
			time.Sleep(50 * time.Millisecond)
		}
		report(links, 0, 0, 0)
		return
	}
	for k := 0; k < 3; k++ { // connections to the publisher, buffers, code paths
		sender()(1)
		time.Sleep(100 * time.Millisecond)
	}
	sent, bad, during := load()
	report(links, sent, bad, during)
}

func load() (int64, int64, float64) {
	var sent, bad int64
	begun := time.Now()
	end := begun.Add(time.Duration(*secs * float64(time.Second)))
	say := func(one func(int64) error) {
		if one(micros()) != nil {
			atomic.AddInt64(&bad, 1)
			return
		}
		atomic.AddInt64(&sent, 1)
	}
	var wg sync.WaitGroup
	for p := 0; p < *posters; p++ {
		wg.Add(1)
		go func(p int) {
			defer wg.Done()
			one := sender()
			if *rate > 0 { // each poster has its share of the moments
				step := time.Duration(float64(time.Second) / *rate)
				for at := begun.Add(time.Duration(p) * step); at.Before(end); at = at.Add(time.Duration(*posters) * step) {
					time.Sleep(time.Until(at))
					say(one)
				}
				return
			}
			for time.Now().Before(end) {
				under := atomic.LoadInt64(&sent) - atomic.LoadInt64(&got)/int64(*n)
				if under >= int64(*window) {
					time.Sleep(200 * time.Microsecond)
					continue
				}
				say(one)
			}
		}(p)
	}
	wg.Wait()
	for i := 0; i < 200 && atomic.LoadInt64(&got) < sent*int64(*n); i++ {
		time.Sleep(50 * time.Millisecond)
	}
	return sent, bad, time.Since(begun).Seconds()
}

func report(links []*link, sent, bad int64, during float64) {
	var usage syscall.Rusage
	syscall.Getrusage(0, &usage)
	var all []float64
	arrivals := map[string][]int64{}
	for _, l := range links {
		if l == nil {
			continue
		}
		for _, x := range l.lats {
			all = append(all, float64(x))
		}
		for _, a := range l.arrived {
			arrivals[a.key] = append(arrivals[a.key], a.at)
		}
	}
	sort.Float64s(all)
	count := atomic.LoadInt64(&got)
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"sent": sent, "bad": bad, "got": count, "lost": sent*int64(*n) - count, "dead": dead,
		"seconds": during, "per_second": float64(count) / (during + 1e-9),
		"p50": percentile(all, .5), "p95": percentile(all, .95), "p99": percentile(all, .99),
		"max": percentile(all, 1), "arrivals": arrivals,
		"cpu": float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9,
	})
}
