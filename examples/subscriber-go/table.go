package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const assigned, revoked = "rollcall.role.assigned.v1", "rollcall.role.revoked.v1"

var why = map[string]string{"inactive": "was suspended", "deleted": "was deleted", "mapping": "by a new mapping"}

// A table is what its file holds as JSON: who holds which roles, by directory/user, and where to go on.
type table struct {
	Offsets   map[int32]int64     `json:"offsets"`
	Positions map[string][3]int64 `json:"positions"` // generation, sequence, 1 if exactly there
	Holds     map[string][]string `json:"holds"`     // name, roles
}

type role struct{ Key, Name string }

type record struct {
	Type, Sequence string
	Generation     int64
	Data           struct {
		User       struct{ ID, UserName string }
		Role       role
		RolesAfter []string
		Roles      []struct{ Role role }
		Reason     struct {
			Kind   string
			Groups []struct{ DisplayName string }
		}
	}
}

func newTable() *table {
	return &table{map[int32]int64{}, map[string][3]int64{}, map[string][]string{}}
}

// save replaces the file in one step: roles and positions change together or not at all.
func (t *table) save(path string) {
	draft := must(os.Create(path + ".new"))
	defer draft.Close()
	must(draft.Write(must(json.MarshalIndent(t, "", " "))))
	must(0, draft.Sync())
	must(0, os.Rename(draft.Name(), path))
}

// learn takes in a record of the compacted topic; without a value the user holds nothing.
func (t *table) learn(key string, value []byte) {
	delete(t.Holds, key)
	if value == nil {
		return
	}
	state, directory := parse(value), strings.Split(key, "/")[0]
	t.Holds[key] = []string{state.Data.User.UserName}
	for _, held := range state.Data.Roles {
		t.Holds[key] = append(t.Holds[key], held.Role.Key)
	}
	if at := state.position(0); isAfter(at, t.Positions[directory]) {
		t.Positions[directory] = at // at least up to here: the events that went before are contained
	}
}

// apply applies what is read next, and says what changed in a sentence; an error is a gap.
func (t *table) apply(partition int32, offset int64, directory string, value []byte) error {
	if due := t.Offsets[partition]; offset > due {
		return fmt.Errorf("partition %d: %d is gone", partition, due)
	}
	t.Offsets[partition] = offset + 1
	event := parse(value)
	at, last := event.position(1), t.Positions[directory]
	if !isAfter(at, last) {
		return nil // a repeat, or contained in the state
	}
	if last[2] == 1 && at[1] != last[1]+1 && (at[0] == last[0] || at[1] != 1) {
		return fmt.Errorf("directory %s: %v after %v", directory, at, last)
	}
	t.Positions[directory] = at
	if event.Type != assigned && event.Type != revoked {
		return nil // unknown types may come at any time
	}
	user := event.Data.User
	delete(t.Holds, directory+"/"+user.ID)
	if len(event.Data.RolesAfter) > 0 {
		t.Holds[directory+"/"+user.ID] = append([]string{user.UserName}, event.Data.RolesAfter...)
	}
	fmt.Println(user.UserName, event.sentence())
	return nil
}

func (event record) sentence() string {
	names := []string{}
	for _, group := range event.Data.Reason.Groups {
		names = append(names, group.DisplayName)
	}
	kind, groups := event.Data.Reason.Kind, strings.Join(names, " and ")
	if groups == "" {
		groups = kind
	}
	if event.Type == assigned {
		return fmt.Sprintf("now holds %s, through %s", event.Data.Role.Name, groups)
	}
	if why[kind] != "" {
		return fmt.Sprintf("no longer holds %s: %s", event.Data.Role.Name, why[kind])
	}
	return fmt.Sprintf("no longer holds %s: left %s", event.Data.Role.Name, groups)
}

func parse(value []byte) (parsed record) {
	must(0, json.Unmarshal(value, &parsed))
	return parsed
}

func (r record) position(exact int64) [3]int64 {
	return [3]int64{r.Generation, must(strconv.ParseInt(r.Sequence, 10, 64)), exact}
}

func isAfter(at, last [3]int64) bool {
	return at[0] > last[0] || at[0] == last[0] && at[1] > last[1]
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
