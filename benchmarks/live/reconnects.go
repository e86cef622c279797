// Sockets on `notifications` that are cut again and again while notices come: each must have every
// sequence once, in order. Prints one line of JSON; starts once a line comes in.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

var (
	n     = flag.Int("n", 500, "")
	cuts  = flag.Int("cuts", 500, "")
	each  = flag.Int64("each", 1000, "notices that each person gets")
	addr  = flag.String("addr", "127.0.0.1:18080", "")
	token = flag.String("tokens", "", "")
	wait  = flag.Float64("patient", 120, "seconds")
)

type message struct {
	Type     string
	Sequence int64
	Data     struct{ Id string }
}

type screen struct {
	token          string
	mu             sync.Mutex
	c              *websocket.Conn
	last           int64
	ids            []string
	gaps, repeated int64
	resyncs, opens int64
}

// watch connects and reads until the end, again and again, after what it has.
func (s *screen) watch(opened *int64) {
	for {
		if err := s.once(opened); err != nil {
			time.Sleep(time.Duration(50+rand.Intn(200)) * time.Millisecond)
		}
	}
}

func (s *screen) once(opened *int64) error {
	d := websocket.Dialer{HandshakeTimeout: 60 * time.Second, ReadBufferSize: 4096}
	c, _, err := d.Dial("ws://"+*addr+"/ws/live/", nil)
	if err != nil {
		return err
	}
	defer c.Close()
	c.WriteJSON(map[string]string{"type": "authenticate", "token": s.token})
	c.WriteJSON(map[string]interface{}{"type": "subscribe", "topic": "notifications", "after": s.last})
	for {
		var m message
		if err := c.ReadJSON(&m); err != nil {
			return err
		}
		switch m.Type {
		case "subscribed":
			s.mu.Lock()
			s.c = c
			s.mu.Unlock()
			if s.opens++; s.opens == 1 {
				atomic.AddInt64(opened, 1)
			}
		case "resync":
			s.resyncs++
		case "update":
			if m.Sequence <= s.last {
				s.repeated++
			} else if m.Sequence > s.last+1 {
				s.gaps++
			}
			s.ids = append(s.ids, m.Data.Id)
			atomic.StoreInt64(&s.last, m.Sequence)
		}
	}
}

func (s *screen) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		s.c.UnderlyingConn().Close()
	}
}

func main() {
	flag.Parse()
	content, err := os.ReadFile(*token)
	if err != nil {
		panic(err)
	}
	all := strings.Fields(string(content))
	screens := make([]*screen, *n)
	var opened int64
	for i := range screens {
		screens[i] = &screen{token: all[i%len(all)]}
		go screens[i].watch(&opened)
	}
	for atomic.LoadInt64(&opened) < int64(*n) {
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Printf(`{"open": %d, "failed": 0}`+"\n", *n)
	bufio.NewReader(os.Stdin).ReadString('\n')
	end := time.Now().Add(time.Duration(*wait * float64(time.Second)))
	for k := 0; k < *cuts; k++ {
		screens[rand.Intn(*n)].cut()
		time.Sleep(20 * time.Millisecond)
	}
	behind := *n
	for behind > 0 && time.Now().Before(end) {
		behind = 0
		for _, s := range screens {
			if atomic.LoadInt64(&s.last) < *each {
				behind++
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Second) // what comes too often comes now
	var gaps, repeated, resyncs, opens int64
	ids := map[string][]string{}
	differing := 0
	for i, s := range screens {
		gaps, repeated, resyncs, opens = gaps+s.gaps, repeated+s.repeated, resyncs+s.resyncs, opens+s.opens
		owner := fmt.Sprint(i % len(all))
		if first, there := ids[owner]; !there {
			ids[owner] = s.ids
		} else if strings.Join(first, " ") != strings.Join(s.ids, " ") {
			differing++
		}
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"behind": behind, "gaps": gaps, "repeated": repeated, "resyncs": resyncs,
		"opens": opens, "differing": differing, "ids": ids,
	})
}
