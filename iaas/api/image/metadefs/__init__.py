"""Metadata definitions over HTTP: /v2/metadefs/…"""
