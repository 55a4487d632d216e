//go:build !linux

package dev

func memoryFolder() (string, bool) { return "", false }
