// Verifies a folder of C2SP tlog-tiles with the unmodified golang.org/x/mod/sumdb libraries:
// checkpoint signature, every tile it reads, inclusion of given entries, consistency with an older size.
//
// usage: verify DIR VKEY OLD_SIZE OLD_ROOT INDEX...
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type reader struct{ dir string }

func (r reader) Height() int { return 8 }

// C2SP drops the height from the path: tile/8/0/000 -> tile/0/000.
func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		data, err := os.ReadFile(filepath.Join(r.dir, "tile", strings.TrimPrefix(t.Path(), "tile/8/")))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func check(err error, what string) {
	if err != nil {
		fmt.Println("FAILED", what, err)
		os.Exit(1)
	}
}

func entry(dir string, index, size int64) []byte {
	tile := tlog.Tile{H: 8, L: 0, N: index / 256, W: 256}
	if (tile.N+1)*256 > size {
		tile.W = int(size % 256)
	}
	data, err := os.ReadFile(filepath.Join(dir, "tile", "entries", strings.TrimPrefix(tile.Path(), "tile/8/0/")))
	check(err, "bundle")
	for i := index % 256; i > 0; i-- {
		data = data[2+binary.BigEndian.Uint16(data):]
	}
	return data[2 : 2+binary.BigEndian.Uint16(data)]
}

func main() {
	dir := os.Args[1]
	verifier, err := note.NewVerifier(os.Args[2])
	check(err, "vkey")
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	check(err, "checkpoint")
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err, "signature")
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "size")
	var root tlog.Hash
	raw, err := base64.StdEncoding.DecodeString(lines[2])
	check(err, "root")
	copy(root[:], raw)
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader{dir})

	old, err := strconv.ParseInt(os.Args[3], 10, 64)
	check(err, "old size")
	var oldRoot tlog.Hash
	raw, err = base64.StdEncoding.DecodeString(os.Args[4])
	check(err, "old root")
	copy(oldRoot[:], raw)
	tree, err := tlog.ProveTree(size, old, hashes)
	check(err, "consistency proof")
	check(tlog.CheckTree(tree, size, root, old, oldRoot), "consistency")

	for _, text := range os.Args[5:] {
		index, err := strconv.ParseInt(text, 10, 64)
		check(err, "index")
		proof, err := tlog.ProveRecord(size, index, hashes)
		check(err, "inclusion proof")
		check(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry(dir, index, size))), "inclusion")
	}
	fmt.Println("verified", size)
}
