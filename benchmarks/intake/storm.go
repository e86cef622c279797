// Open loop: N patients, each on a new connection, post one report; arrivals spread evenly.
// Latency counts from the moment at which a patient meant to send. Prints one line of JSON.
//
// -tokens: lines of `patient id<TAB>token` (the portal) or of a token (the Go peer: -shape peer).
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

type result struct {
	ms     float64
	status string
}

var reportOf = map[string]func(i int, patient, tag string, at time.Time) string{
	"portal": func(i int, patient, tag string, at time.Time) string {
		said := at.UTC().Format("2006-01-02T15:04:05.000Z")
		ms := fmt.Sprintf("%012x", at.UnixMilli())
		return fmt.Sprintf(`{"submission_id":"%s-%s-7%03x-8%s-%012x","patient":"%s",`+
			`"instrument":"daily-diary","instrument_version":"1.0","authored_at":"%s",`+
			`"originator":"participant","answers":{"pain":%d,"nausea":%d,"note":"storm %d"},`+
			`"vitals":[{"code":"heart_rate","value":%d,"unit":"/min","measured_at":"%s"}]}`,
			ms[:8], ms[8:], i%4096, tag, i, patient, said, i%11, i%5, i, 55+i%60, said)
	},
	"peer": func(i int, _, tag string, at time.Time) string {
		return fmt.Sprintf(`{"submission_id":"%08x-0%s-4000-9000-%012x","kind":"vitals",`+
			`"recorded_at":"%s","heart_rate":%d,"systolic":120,"diastolic":80,"spo2":97,`+
			`"temp_c":36.6,"symptoms":["fatigue"],"note":"storm %d"}`,
			rand.Int31(), tag, i, at.UTC().Format(time.RFC3339), 60+i%60, i)
	},
}

func send(addr, path, token, body string, host byte, due time.Time) result {
	dialer := net.Dialer{
		Timeout:   20 * time.Second,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, host)},
	}
	connection, err := dialer.Dial("tcp", addr)
	if err != nil {
		return result{0, "no connection"}
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(60 * time.Second))
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"+
		"Content-Type: application/json\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", path, token, len(body), body)
	line, err := bufio.NewReaderSize(connection, 512).ReadString('\n')
	if err != nil {
		return result{0, "no answer"}
	}
	ms := float64(time.Since(due).Microseconds()) / 1000
	return result{ms, strings.SplitN(line, " ", 3)[1]}
}

func main() {
	n := flag.Int("n", 10000, "patients")
	seconds := flag.Float64("seconds", 1, "over which they arrive")
	addr := flag.String("addr", "127.0.0.1:8000", "")
	path := flag.String("path", "/api/v1/intake/epro-reports/", "")
	shape := flag.String("shape", "portal", "portal or peer")
	tokens := flag.String("tokens", "", "")
	flag.Parse()
	raw, err := os.ReadFile(*tokens)
	if err != nil {
		panic(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	rand.Seed(time.Now().UnixNano())
	tag := fmt.Sprintf("%03x", rand.Intn(4096))
	results := make([]result, *n)
	var all sync.WaitGroup
	start := time.Now().Add(200 * time.Millisecond)
	for i := 0; i < *n; i++ {
		due := start.Add(time.Duration(float64(i) / float64(*n) * *seconds * 1e9))
		if wait := time.Until(due); wait > 200*time.Microsecond {
			time.Sleep(wait)
		}
		all.Add(1)
		go func(i int, due time.Time) {
			defer all.Done()
			fields := strings.Fields(lines[i%len(lines)])
			body := reportOf[*shape](i, fields[0], tag, due)
			results[i] = send(*addr, *path, fields[len(fields)-1], body, byte(1+i%200), due)
		}(i, due)
	}
	all.Wait()
	took := time.Since(start).Seconds()
	answered := []float64{}
	answers := map[string]int{}
	for _, one := range results {
		answers[one.status]++
		if one.ms > 0 {
			answered = append(answered, one.ms)
		}
	}
	sort.Float64s(answered)
	at := func(share float64) float64 {
		if len(answered) == 0 {
			return -1
		}
		return answered[int(share*float64(len(answered)-1))]
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"n": *n, "seconds": *seconds, "answers": answers, "took": took,
		"p50": at(.5), "p95": at(.95), "p99": at(.99), "max": at(1),
	})
}
