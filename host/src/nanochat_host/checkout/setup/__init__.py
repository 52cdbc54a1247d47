"""Runs in a checkout's own Python, in a process that is thrown away: what can it do?"""
